import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { writePhantomDataset } from '@dinomix/dataset-phantom';
import { dinomixCommand } from './dinomix-command.mjs';
import { CASES, SIZES, SPLIT } from './sizes.mjs';

const SCANS = ['case', 'scan'];

async function writePhantoms(folder, size) {
  const { volume, scan } = SIZES[size];
  const sizes = { case: { cases: CASES, size: volume }, scan: { cases: 1, size: scan } };
  for (const part of SCANS) {
    const out = join(folder, part);
    await writePhantomDataset({ layout: 'synapse', seed: 7, out, ...sizes[part] });
  }
  writeFileSync(join(folder, 'case', 'split.json'), JSON.stringify(SPLIT));
}

/**
 * The data of the group, made once in the cache folder of the user: phantoms in the layout of Synapse, prepared, with the
 * tokens of the teacher in their cache, and one scan of the size of a CT.
 * @returns `data`: root of the data set; `scan`: path of the image
 */
export async function openData(size, note) {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const folder = join(cache, 'dinomix', `bench-protocol-${size}`);
  if (!existsSync(folder)) {
    note(`writing phantoms to ${folder} (once)`);
    const temporary = `${folder}.${process.pid}`;
    mkdirSync(temporary, { recursive: true });
    try {
      await writePhantoms(temporary, size);
      renameSync(temporary, folder);
    } finally {
      rmSync(temporary, { recursive: true, force: true });
    }
  }
  const data = join(folder, 'case');
  const task = { preset: 'dinomix', size, device: 'cpu', data };
  for (const args of [
    ['data', 'prepare'],
    ['teacher', 'cache'],
  ]) {
    note(`dinomix ${args.join(' ')}`);
    const { outcome, reason } = await dinomixCommand(args, task);
    if (outcome !== 'done') throw new Error(`dinomix ${args.join(' ')}: ${reason}`);
  }
  return { data, scan: join(folder, 'scan', 'RawData', 'Training', 'img', 'img0001.nii.gz') };
}
