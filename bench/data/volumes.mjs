import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { writePhantomDataset } from '@dinomix/dataset-phantom';

const SHAPE = [150, 512, 512];
const CASES = 2;

/** Folder with synthetic CT volumes of the size of a scan as .nii.gz; written once, which takes a minute. */
export async function scanFolder(note) {
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'dinomix', 'bench-scans');
  if (existsSync(folder)) return folder;
  note(`writing ${CASES} phantoms of ${SHAPE.join('x')} voxels to ${folder} (once)`);
  const temporary = `${folder}.${process.pid}`;
  mkdirSync(temporary, { recursive: true });
  try {
    await writePhantomDataset({ layout: 'synapse', cases: CASES, seed: 7, size: SHAPE, out: temporary });
    renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return folder;
}

/** The files of case `number`, from 1. */
export function scanFiles(folder, number) {
  const id = String(number).padStart(4, '0');
  const part = join(folder, 'RawData', 'Training');
  return { image: join(part, 'img', `img${id}.nii.gz`), label: join(part, 'label', `label${id}.nii.gz`) };
}
