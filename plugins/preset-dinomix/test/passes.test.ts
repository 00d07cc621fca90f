// The whole method in passes on ONNX Runtime, against one pass.
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnxruntime } from '@dinomix/backend-onnxruntime';
import { createHost, type StepReport } from '@dinomix/core';
import { phantom } from '@dinomix/dataset-phantom';
import { builtIns, runTraining } from '@dinomix/trainer';
import { readSafetensors } from '@dinomix/volume';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dinomix } from '../src/index.js';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dinomix-passes-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

interface Setting {
  readonly passes: 'together' | 'by-view' | 'by-crop';
  readonly norm: 'instance' | 'batch';
  readonly dropout: number;
}

function makeHost({ passes, norm, dropout }: Setting, steps: number) {
  return createHost<never>({
    config: {
      extends: [dinomix()],
      plugins: [
        onnxruntime(),
        phantom({
          cases: { labelled: 1, unlabelled: 2, validation: 0, test: 0 },
          shape: [32, 64, 64],
          cache: join(root, 'phantoms'),
        }),
      ],
      options: {
        'student:vnet': { filters: 2, norm, dropout },
        'teacher:dinov3': { control: { channels: 24, blocks: 1, heads: 2 }, threads: 1 },
      },
      train: {
        epochs: 1,
        stepsPerEpoch: steps,
        passes,
        patch: [16, 32, 32],
        batch: { labelled: 2, unlabelled: 2 },
        workers: 0,
        validateEvery: 0,
      },
      seed: 4,
    },
    base: builtIns as never,
  });
}

/** Trains. @param stopAfter - the step at whose end the run is asked to stop. */
async function train(setting: Setting, steps: number, given: { stopAfter?: number; resume?: string } = {}) {
  const reports: StepReport[] = [];
  await using host = await makeHost(setting, steps);
  const directory = given.resume ?? join(await mkdtemp(join(root, 'run-')), 'run');
  const controller = new AbortController();
  const { error } = await runTraining({
    host: host as never,
    id: 'run',
    directory,
    resume: given.resume !== undefined,
    signal: controller.signal,
    onEvent: (event) => {
      if (event.type !== 'step') return;
      reports.push(event.report);
      if (event.report.position.step === given.stopAfter) controller.abort(new Error('stop'));
    },
  });
  expect(error).toBeNull();
  return { reports, directory };
}

function checkpointFile(directory: string, steps: number) {
  return join(directory, 'checkpoints', `checkpoint-${String(steps).padStart(8, '0')}.safetensors`);
}

/** The first momentum of SGD is the gradient. */
async function gradientsOf({ directory }: { readonly directory: string }) {
  const file = await readSafetensors(checkpointFile(directory, 1));
  const names = [...file.entries.keys()].filter((name) => name.startsWith('variable/optimizer/'));
  return names.map((name) => [name, file.tensor(name)] as const);
}

const norm = (values: Float32Array): number => Math.sqrt(values.reduce((total, value) => total + value * value, 0));

describe('without shared statistics and dropout', () => {
  it.each(['by-view', 'by-crop'] as const)('%s has the numbers and gradients of one pass', async (passes) => {
    const setting = { norm: 'instance', dropout: 0 } as const;
    const [one, several] = [await train({ ...setting, passes: 'together' }, 1), await train({ ...setting, passes }, 1)];
    const [a, b] = [one.reports[0]!, several.reports[0]!];
    expect(b.loss).toBeCloseTo(a.loss, 5);
    expect([b.pseudoDice, b.targetVoxels]).toEqual([a.pseudoDice, a.targetVoxels]);
    const [expected, found] = [await gradientsOf(one), new Map(await gradientsOf(several))];
    const largest = Math.max(...expected.map(([, { data }]) => norm(data as Float32Array)));
    expect(expected.length).toBeGreaterThan(50);
    for (const [name, { data }] of expected) {
      const other = found.get(name)!.data as Float32Array;
      const apart = norm((data as Float32Array).map((value, index) => value - other[index]!));
      // The last bias has the sum over 131072 voxels of (p - y), added one after the other: off by up to n u = 8e-3 of the sum
      // of its magnitudes (u = 6e-8), in one pass of n, in passes of a quarter or an eighth of them. Biases before a
      // normalisation have no gradient but rounding, hence the share of the largest.
      const relative = name.endsWith('/output.bias') ? 1e-3 : 1e-5;
      expect(apart, name).toBeLessThan(relative * norm(data as Float32Array) + 1e-6 * largest);
    }
  });
});

it('as shipped, with batch statistics and dropout, goes on from a checkpoint with the same bits', async () => {
  const setting: Setting = { passes: 'by-view', norm: 'batch', dropout: 0.5 };
  const whole = await train(setting, 4);
  const half = await train(setting, 4, { stopAfter: 1 });
  const rest = await train(setting, 4, { resume: half.directory });
  expect([...half.reports, ...rest.reports].map(({ loss }) => loss)).toEqual(whole.reports.map(({ loss }) => loss));
  const digest = async (directory: string) =>
    createHash('sha256')
      .update(await readFile(checkpointFile(directory, 4)))
      .digest('hex');
  expect(await digest(rest.directory)).toBe(await digest(whole.directory));
});
