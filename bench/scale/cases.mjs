import { join } from 'node:path';
import { createBenchmarkDataset, niftiFormat, RECIPES } from '@dinomix/data';
import { generatePhantom, ORGANS } from '@dinomix/dataset-phantom';
import { writeNifti } from '@dinomix/volume';
import { writtenOnce } from '../lib/written-once.mjs';

const SHAPE = [40, 128, 128];
/** As many as AMOS22 has. */
const CASES = 360;
const ANATOMIES = 6;

const NAMES = ['background', ...ORGANS.synapse];
const CLASSES = NAMES.map((name, index) => ({ index, name, colour: [0, 0, 0], tail: false }));

const idOf = (index) => String(index).padStart(4, '0');

function filesOf(folder, id) {
  return { image: join(folder, `${id}-image.nii.gz`), label: join(folder, `${id}-label.nii.gz`) };
}

/** A few anatomies in turn; one voxel that tells the number of the case makes every image another. */
async function writeScans(folder) {
  const field = 'abdomen';
  const phantoms = Array.from({ length: ANATOMIES }, (_, item) =>
    generatePhantom({ seed: 3, item, shape: SHAPE, field, organs: ORGANS.synapse }),
  );
  for (let index = 0; index < CASES; index++) {
    const { image, label } = phantoms[index % ANATOMIES];
    image.data[0] = -1000 + index;
    const files = filesOf(folder, idOf(index));
    await writeNifti(files.image, image);
    await writeNifti(files.label, label);
  }
}

/** Folder with 360 small synthetic scans as .nii.gz, no two of the same bytes; written once, which takes a minute. */
export function smallScanFolder(note) {
  return writtenOnce('bench-small-scans', note, `${CASES} phantoms of ${SHAPE.join('x')} voxels`, writeScans);
}

/**
 * The data set of the first scans of the folder, by recipe P1 with foreground crops: a fifth of them labelled.
 * @param cache - folder of prepared volumes; null keeps none.
 */
export function scaleDataset({ scans, cases: count, cache }) {
  const ids = Array.from({ length: count }, (_, index) => idOf(index));
  const labelled = count / 5;
  const splits = { labelled: ids.slice(0, labelled), unlabelled: ids.slice(labelled), validation: [], test: [] };
  const { preprocessing, sampling } = RECIPES.p1;
  return createBenchmarkDataset({
    title: 'bench',
    licence: '',
    root: scans,
    classes: CLASSES,
    cases: ids.map((id) => ({ id, ...filesOf(scans, id), isTest: false })),
    splits,
    problems: [],
    recipe: { preprocessing, sampling: { ...sampling, foreground: 1 / 3 } },
    format: niftiFormat({ geometry: null, replaceNonFinite: null }),
    options: { tolerance: 0.01, cache },
    isCt: () => true,
  });
}
