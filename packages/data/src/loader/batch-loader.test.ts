import { createHash } from 'node:crypto';
import type { Batch, CaseRole, Dataset, HookCaller, HookTable, Sample } from '@dinomix/core';
import { describe, expect, it } from 'vitest';
import { tinyDataset } from '../../test/tiny-dataset.js';
import { createLabelIndex } from '../crops/label-index.js';
import { type BatchLoader, createBatchLoader } from './batch-loader.js';
import { createCaseStore } from './case-store.js';
import { createCaseWorkers } from './case-workers.js';

const run = { id: 'run', seed: 3, directory: '/', configHash: '' };
const unused: HookCaller<HookTable['datasetSample']> = { isUsed: () => false, call: async (value) => value };

interface Settings {
  readonly workers?: number;
  readonly firstStep?: number;
  readonly limit?: number;
  readonly hook?: HookCaller<HookTable['datasetSample']>;
}

async function withLoader<V>(
  dataset: Dataset,
  { workers: count = 0, firstStep = 0, limit = 1e9, hook = unused }: Settings,
  use: (loader: BatchLoader) => Promise<V>,
): Promise<V> {
  const { preprocessing, workerSource, splits, sampling } = dataset;
  const workers = createCaseWorkers({ reader: dataset, workerSource, preprocessing, classCount: 3 }, count);
  const store = createCaseStore({ workers, hook, run, limit });
  try {
    const labels = new Map(
      await Promise.all(
        splits.labelled.map(async (id) => {
          const { label, shape } = await store.get(id, 'labelled');
          return [id, createLabelIndex(label!, shape, 3)] as const;
        }),
      ),
    );
    const batch = { labelled: 2, unlabelled: 2 };
    const { labelled, unlabelled } = splits;
    const ahead = { stepsPerEpoch: 3, steps: 9, queue: 2 };
    const drawn = { seed: 3, labelled, unlabelled, batch, patch: [8, 8, 16] as const, sampling };
    return await use(createBatchLoader({ ...drawn, ...ahead, store, workers, labels }, firstStep));
  } finally {
    await workers.dispose();
  }
}

function digest({ labelled, unlabelled }: Batch): string {
  const hash = createHash('sha256');
  hash.update(new Uint8Array(labelled.image.buffer)).update(labelled.label);
  if (unlabelled) hash.update(new Uint8Array(unlabelled.image.buffer));
  return hash.update(JSON.stringify([labelled.crops, unlabelled?.crops])).digest('hex');
}

async function digests(dataset: Dataset, settings: Settings, steps: number): Promise<string[]> {
  return withLoader(dataset, settings, async (loader) => {
    const found: string[] = [];
    for (let step = 0; step < steps; step++) found.push(digest(await loader.next()));
    return found;
  });
}

const foreground = tinyDataset({ sampling: { foreground: 0.5 } });

describe('batches', () => {
  it('have the same bytes for 0, 1 and 2 workers', async () => {
    const expected = await digests(foreground, { workers: 0 }, 9);
    expect(new Set(expected).size).toBe(9);
    expect(await digests(foreground, { workers: 1 }, 9)).toEqual(expected);
    expect(await digests(foreground, { workers: 2 }, 9)).toEqual(expected);
  });

  it('do not depend on the step that the loader starts with, or on memory', async () => {
    const expected = await digests(foreground, {}, 9);
    expect(await digests(foreground, { firstStep: 4 }, 5)).toEqual(expected.slice(4));
    // Nothing kept, two volumes (of 10x12x12 voxels), everything.
    for (const limit of [0, 2 * 5 * 1440, 1e9]) {
      for (const workers of [0, 2]) expect(await digests(foreground, { limit, workers }, 9)).toEqual(expected);
    }
  });

  it('show every unlabelled case once an epoch, in a new order', async () => {
    await withLoader(tinyDataset(), {}, async (loader) => {
      const epochs: string[][] = [];
      for (let epoch = 0; epoch < 3; epoch++) {
        const cases: string[] = [];
        for (let step = 0; step < 3; step++) {
          cases.push(...(await loader.next()).unlabelled!.crops.map(({ caseId }) => caseId));
        }
        expect([...cases].sort()).toEqual(['u0', 'u1', 'u2', 'u3', 'u4', 'u5']);
        epochs.push(cases);
      }
      expect(epochs[0]).not.toEqual(epochs[1]);
    });
  });

  it('end with the run', async () => {
    await withLoader(tinyDataset(), { firstStep: 8 }, async (loader) => {
      await loader.next();
      await expect(loader.next()).rejects.toThrow('the run has 9 steps');
    });
  });

  it('hold what the volume has at the crop, zero outside, flipped as stated', async () => {
    const dataset = tinyDataset({ preprocessing: { normalisation: { steps: [], display: [0, 1] } } });
    await withLoader(dataset, {}, async (loader) => {
      const { image, label, crops, shape } = (await loader.next()).labelled;
      const [, depth, height, width] = shape;
      for (const [item, { caseId, offset, flips }] of crops.entries()) {
        const source = await dataset.readCase(caseId, 'labelled');
        for (let index = 0; index < depth * height * width; index++) {
          const place = [Math.floor(index / (height * width)), Math.floor(index / width) % height, index % width];
          const [z, y, x] = place.map((position, axis) => {
            const unflipped = flips[axis] ? [depth, height, width][axis]! - 1 - position : position;
            return unflipped + offset[axis]!;
          }) as [number, number, number];
          const outside = x < 0 || x >= 12;
          const voxel = (z * 12 + y) * 12 + x;
          const expected = outside ? [0, 0] : [source.image.data[voxel], source.label!.data[voxel]];
          const at = item * depth * height * width + index;
          if (image[at] !== expected[0] || label[at] !== expected[1]) expect([image[at], label[at]]).toEqual(expected);
        }
        expect(offset[2]).toBe(-2);
      }
      expect(crops.some(({ flips }) => flips[1] || flips[2])).toBe(true);
    });
  });
});

describe('failures', () => {
  it.each([0, 1])('of a case name it, with %i workers', async (workers) => {
    const dataset = tinyDataset({ splits: { unlabelled: ['broken7'] } });
    const failure = await withLoader(dataset, { workers }, async (loader) => {
      return loader.next().catch((thrown: unknown) => thrown);
    });
    expect(failure).toMatchObject({ code: 'DMX_CASE_UNUSABLE', summary: 'Case "broken7" (unlabelled) cannot be used' });
    expect((failure as Error).message).toContain('broken7.nii.gz ends after 17 bytes');
  });

  it('of a reader module that is not there name the module', async () => {
    const source = { module: 'file:///nowhere/reader.mjs', export: 'create', options: {} };
    const workers = createCaseWorkers({ ...tinySource(), workerSource: source }, 1);
    await expect(workers.prepare('l0', 'labelled')).rejects.toThrow('/nowhere/reader.mjs');
    await workers.dispose();
  });

  it('a label for an unlabelled case is refused', async () => {
    const { readCase } = tinyDataset();
    const reader = {
      readCase: async (id: string) => ({ ...(await readCase(id, 'labelled')), role: 'unlabelled' as const }),
    };
    const workers = createCaseWorkers({ ...tinySource(), reader }, 0);
    await expect(workers.prepare('u0', 'unlabelled')).rejects.toMatchObject({ code: 'DMX_UNLABELLED_LABEL' });
  });
});

function tinySource() {
  const dataset = tinyDataset();
  return { reader: dataset, workerSource: dataset.workerSource, preprocessing: dataset.preprocessing, classCount: 3 };
}

describe('unlabelled cases', () => {
  it('are read as unlabelled only', async () => {
    const dataset = tinyDataset();
    const asked: [string, CaseRole][] = [];
    const readCase: Dataset['readCase'] = async (id, role) => {
      asked.push([id, role]);
      return dataset.readCase(id, role);
    };
    await digests({ ...dataset, readCase }, {}, 9);
    const unlabelled = asked.filter(([id]) => id.startsWith('u'));
    expect(unlabelled.length).toBeGreaterThan(0);
    expect(unlabelled.every(([, role]) => role === 'unlabelled')).toBe(true);
  });
});

describe('dataset.sample', () => {
  it('changes what the crops are cut from', async () => {
    const hook: HookCaller<HookTable['datasetSample']> = {
      isUsed: () => true,
      call: async (sample): Promise<Sample> => ({ ...sample, image: sample.image.map(() => 42) }),
    };
    await withLoader(tinyDataset(), { workers: 1, hook }, async (loader) => {
      const { image } = (await loader.next()).labelled;
      // The volume has 12 of the 16 voxels of a row; the rest is padding.
      expect([...image].filter((value) => value === 42).length).toBe(image.length * (12 / 16));
    });
  });
});
