import { RECIPES } from '@dinomix/data';
import { createBatchLoader, createCaseStore, createCaseWorkers, createLabelIndex } from '@dinomix/data/loader';

const SHAPE = [80, 160, 160];
const PATCH = [64, 128, 128];
const CLASS_COUNT = 14;
const STEPS = 1e6;

/** Twenty prepared volumes in memory, as after the first epoch; what is timed is drawing, cutting and flipping. */
export async function create({ cases, workers: count, batches }) {
  const ids = Array.from({ length: cases }, (_, index) => String(index));
  const [labelled, unlabelled] = [ids.slice(0, cases / 5), ids.slice(cases / 5)];
  const { preprocessing, sampling } = RECIPES.p1;
  const reader = {
    readCase: async (id, role) => {
      const length = SHAPE.reduce((a, b) => a * b);
      const image = Float32Array.from({ length }, (_, index) => (index * 31 + Number(id)) % 400);
      const label = role === 'labelled' ? Uint8Array.from({ length }, (_, index) => index % CLASS_COUNT) : null;
      const grid = {
        shape: SHAPE,
        spacing: [1, 1, 1],
        affine: [
          [1, 0, 0, 0],
          [0, 1, 0, 0],
          [0, 0, 1, 0],
          [0, 0, 0, 1],
        ],
      };
      return {
        id,
        role,
        files: { image: id, label: null },
        image: { ...grid, data: image },
        label: label && { ...grid, data: label },
      };
    },
  };
  const source = { reader, preprocessing, classCount: CLASS_COUNT };
  // Reading happens here, once; the threads cut.
  const reading = createCaseWorkers({ ...source, workerSource: null }, 0);
  const cutting = createCaseWorkers({ ...source, workerSource: { module: '', export: '', options: {} } }, count);
  const workers = { ...cutting, prepare: reading.prepare };
  const run = { id: 'bench', seed: 0, directory: '/', configHash: '' };
  const store = createCaseStore({ workers, hook: { isUsed: () => false }, run, limit: 2 ** 33 });
  const labels = new Map();
  for (const id of labelled) {
    const { label, shape } = await store.get(id, 'labelled');
    labels.set(id, createLabelIndex(label, shape, CLASS_COUNT));
  }
  for (const id of unlabelled) await store.get(id, 'unlabelled');
  const batch = { labelled: 2, unlabelled: 2 };
  const ahead = { stepsPerEpoch: unlabelled.length / batch.unlabelled, steps: STEPS, queue: 2 };
  const loader = createBatchLoader({
    seed: 0,
    labelled,
    unlabelled,
    batch,
    patch: PATCH,
    sampling,
    ...ahead,
    store,
    workers,
    labels,
  });
  return async () => {
    let voxels = 0;
    for (let step = 0; step < batches; step++) {
      const { labelled: first, unlabelled: second } = await loader.next();
      voxels += first.image.length + second.image.length + first.label.length;
    }
    return voxels;
  };
}
