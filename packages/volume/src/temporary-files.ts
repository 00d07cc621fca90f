import { randomBytes } from 'node:crypto';
import { readdir, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { hasEnded, hostTag, ownProcess } from './process-identity.js';

const NAME = /^\..*\.(?<pid>[1-9]\d{0,9})-(?<began>\d+|x)-(?<host>[0-9a-f]{8})\.[0-9a-f]{8}\.tmp(?:\.\w+)?$/s;

// File systems take names of 255 bytes; what is put around this part takes fewer than 80.
const LONGEST_STEM = 160;

function shortened(name: string): string {
  const bytes = Buffer.from(name);
  // A character that the cut has halved is left out.
  return bytes.length <= LONGEST_STEM ? name : bytes.toString('utf8', 0, LONGEST_STEM).replace(/\ufffd+$/, '');
}

/**
 * A hidden name beside a file, under which it is written before it is renamed. It says which process writes, so that
 * {@link clearTemporaryFiles} finds what killed ones left behind.
 * @param ending - put behind the name, such as `.nrrd`.
 */
export async function temporaryPath(path: string, ending = ''): Promise<string> {
  const { pid, began, host } = await ownProcess();
  const writer = `${pid}-${began ?? 'x'}-${hostTag(host)}`;
  const name = `.${shortened(basename(path))}.${writer}.${randomBytes(4).toString('hex')}.tmp${ending}`;
  return join(dirname(path), name);
}

/** Removes the temporary files of a folder whose processes have ended. Those of other machines stay; nothing is thrown. */
export async function clearTemporaryFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const { pid, began, host } = NAME.exec(name)?.groups ?? {};
    if (pid === undefined || host !== hostTag(hostname())) continue;
    const writer = { pid: Number(pid), began: began === 'x' ? null : began!, host: hostname() };
    if (await hasEnded(writer)) await unlink(join(folder, name)).catch(() => undefined);
  }
}
