import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { writePhantomDataset } from '@dinomix/dataset-phantom';
import { writtenOnce } from '../lib/written-once.mjs';

const SHAPE = [150, 512, 512];
const CASES = 2;

/** Folder with synthetic CT volumes of the size of a scan as .nii.gz; written once, which takes a minute. */
export function scanFolder(note) {
  return writtenOnce('bench-scans', note, `${CASES} phantoms of ${SHAPE.join('x')} voxels`, (out) =>
    writePhantomDataset({ layout: 'synapse', cases: CASES, seed: 7, size: SHAPE, out }),
  );
}

/** The files of case `number`, from 1. */
export function scanFiles(folder, number) {
  const id = String(number).padStart(4, '0');
  const part = join(folder, 'RawData', 'Training');
  return { image: join(part, 'img', `img${id}.nii.gz`), label: join(part, 'label', `label${id}.nii.gz`) };
}

/** The files of a scan under names of their own: the digest of a file is computed once. */
function linked(files, folder, index) {
  const entries = Object.entries(files).map(([part, file]) => {
    const link = join(folder, `${part}${index}.nii.gz`);
    symlinkSync(file, link);
    return [part, link];
  });
  return Object.fromEntries(entries);
}

/** As many cases as wanted out of the scans in `scans`, each under names of its own in `folder`. */
export function manyScans(scans, folder, count) {
  return Array.from({ length: count }, (_, index) => linked(scanFiles(scans, 1 + (index % CASES)), folder, index));
}
