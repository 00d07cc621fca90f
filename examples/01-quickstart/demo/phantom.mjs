// The demo's data: synthetic abdominal CT with the 13 organs of Synapse, in the nnU-Net raw layout.
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@dinomix/volume';
import { dinomix } from './dinomix.mjs';

const REQUEST = ['--layout', 'nnunet', '--cases', '24', '--unlabelled', '16', '--size', '32,64,64', '--seed', '0'];

/**
 * Writes the phantoms, or keeps those of an earlier demo where they are whole.
 * @returns whether they were kept
 */
export async function writePhantoms(folder, where) {
  const stamp = join(folder, '.complete');
  const wanted = REQUEST.join(' ');
  const found = await readFile(stamp, 'utf8').catch(() => null);
  if (found === wanted) return true;
  await rm(folder, { recursive: true, force: true });
  await dinomix(['data', 'phantom', ...REQUEST, '--out', folder], where);
  await writeFileAtomic(stamp, wanted);
  return false;
}
