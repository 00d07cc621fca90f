// Whole trainings of the preset on phantoms, with the token cache and without.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onnxruntime } from '@dinomix/backend-onnxruntime';
import { type Batch, type Crop, createHost, definePlugin, type RunEvent, type Sample } from '@dinomix/core';
import { phantom } from '@dinomix/dataset-phantom';
import { builtIns, fillTeacherCaches, runTraining } from '@dinomix/trainer';
import { createVolume, crop as cutVolume } from '@dinomix/volume';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { patchMeanModel } from '../../teacher-dinov3/test/models.js';
import { dinomix } from '../src/index.js';

let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'dinomix-with-cache-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const PATCH = [16, 32, 32] as const;
const CELL = 8;

/** Snaps every crop to whole cells, unflipped: there the tokens of the volume and of the crop mean the same. */
const aligned = definePlugin({
  name: '@test/aligned',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: [],
  options: z.strictObject({}),
  setup(api) {
    const samples = new Map<string, Sample>();
    api.hooks.datasetSample.tap((sample) => {
      samples.set(sample.caseId, sample);
      return sample;
    });
    const snap = (crop: Crop): Crop => ({
      ...crop,
      offset: crop.offset.map((voxel) => CELL * Math.max(0, Math.floor(voxel / CELL))) as unknown as Crop['offset'],
      flips: [false, false, false],
    });
    const cut = (data: Float32Array | Uint8Array, { shape }: Sample, { offset }: Crop) =>
      cutVolume(createVolume({ data, shape, spacing: [1, 1, 1] }), { offset, shape: PATCH }, 0).data;
    const recut = (crops: readonly Crop[], which: 'image' | 'label'): number[] =>
      crops.flatMap((crop) => {
        const sample = samples.get(crop.caseId)!;
        return [...cut(sample[which]!, sample, crop)];
      });
    api.hooks.batchReady.tap(({ labelled, unlabelled }: Batch): Batch => {
      const [own, other] = [labelled.crops.map(snap), unlabelled!.crops.map(snap)];
      return {
        labelled: {
          ...labelled,
          crops: own,
          image: Float32Array.from(recut(own, 'image')),
          label: Uint8Array.from(recut(own, 'label')),
        },
        unlabelled: { ...unlabelled!, crops: other, image: Float32Array.from(recut(other, 'image')) },
      };
    });
  },
});

interface Setting {
  readonly cache: string | null;
  readonly model?: string;
  readonly align?: boolean;
  readonly dinov3?: Readonly<Record<string, unknown>>;
  readonly learningRate?: number;
  readonly distil?: 'clean' | 'mixed';
}

function makeHost({ cache, model, align = false, dinov3 = {}, learningRate = 0.01, distil = 'clean' }: Setting) {
  return createHost<never>({
    config: {
      extends: [dinomix({ distil })],
      plugins: [
        onnxruntime(),
        phantom({
          cases: { labelled: 1, unlabelled: 2, validation: 0, test: 0 },
          shape: [32, 64, 64],
          cache: join(root, 'phantoms'),
        }),
        ...(align ? [aligned()] : []),
      ],
      options: {
        'student:vnet': { filters: 2, dropout: 0 },
        'teacher:dinov3': {
          control: { channels: 24, blocks: 1, heads: 2 },
          threads: 1,
          cache: cache === null ? false : { directory: cache },
          ...(model === undefined ? {} : { model }),
          ...dinov3,
        },
        'optimizer:sgd': { learningRate },
      },
      train: {
        epochs: 2,
        stepsPerEpoch: 3,
        patch: PATCH,
        batch: { labelled: 1, unlabelled: 1 },
        workers: 0,
        validateEvery: 0,
      },
      seed: 4,
    },
    base: builtIns as never,
  });
}

interface Trained {
  readonly fkd: readonly number[];
  readonly losses: readonly number[];
  readonly warnings: readonly string[];
  readonly directory: string;
}

/** Trains. @param stopAfter - the step at whose end the run is asked to stop. */
async function train(setting: Setting, given: { stopAfter?: number; resume?: string } = {}): Promise<Trained> {
  const events: RunEvent[] = [];
  await using host = await makeHost(setting);
  const directory = given.resume ?? join(await mkdtemp(join(root, 'run-')), 'run');
  const controller = new AbortController();
  const { error } = await runTraining({
    host: host as never,
    id: 'run',
    directory,
    resume: given.resume !== undefined,
    signal: controller.signal,
    onEvent: (event) => {
      events.push(event);
      if (event.type === 'step' && event.report.position.step === given.stopAfter) controller.abort(new Error('stop'));
    },
  });
  expect(error).toBeNull();
  const steps = events.flatMap((event) => (event.type === 'step' ? [event.report] : []));
  return {
    fkd: steps.map(({ terms }) => terms.fkd!.value),
    losses: steps.map(({ loss }) => loss),
    warnings: events.flatMap((event) => (event.type === 'warning' ? [event.message] : [])),
    directory,
  };
}

async function weightsOf({ directory }: Trained): Promise<string> {
  const content = await readFile(join(directory, 'checkpoints', 'checkpoint-00000006.safetensors'));
  return createHash('sha256').update(content).digest('hex');
}

async function fill(setting: Setting): Promise<{ readonly kept: number; readonly computed: number }> {
  await using host = await makeHost(setting);
  const [report] = await fillTeacherCaches({
    host: host as never,
    directory: join(root, 'any'),
    workers: 1,
    dryRun: false,
    signal: new AbortController().signal,
    onPlan: () => undefined,
    onCase: () => undefined,
  });
  return { kept: report!.kept, computed: report!.computed };
}

/** Inode and time of every file: writing one anew, even with the same bytes, changes them. */
async function marks(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).sort();
  return Promise.all(
    names.map((name) => stat(join(folder, name)).then(({ ino, ctimeMs }) => `${name} ${ino} ${ctimeMs}`)),
  );
}

describe('a training with the token cache', () => {
  it('has the losses of one without on aligned crops, where a token is its own patch alone', async () => {
    // Tokens of 3 channels: mean grey of the patch plus 0.5, 0.25 and 0, so that none is near zero. No context: a crop is seen
    // as its volume is.
    const model = join(root, 'local.onnx');
    await writeFile(model, await patchMeanModel());
    const dinov3 = { mean: [-0.5, -0.25, 0], deviation: [1, 1, 1] };
    // Six batches of one network: training would enlarge every difference from step to step.
    const given = { model, align: true, dinov3, learningRate: 1e-12 };
    const with_ = await train({ ...given, cache: join(root, 'aligned') });
    const without = await train({ ...given, cache: null });
    expect(new Set(without.fkd.map((value) => value.toFixed(6))).size).toBe(6);
    // What is left: half precision (2^-11 of a token), and the bilinear enlargement, which at the faces of a crop repeats the
    // outer voxel where the volume goes on: one pixel in 16 of a patch, a quarter of a voxel apart.
    const apart = (a: readonly number[], b: readonly number[]) =>
      Math.max(...a.map((value, step) => Math.abs(value - b[step]!)));
    expect(apart(with_.fkd, without.fkd)).toBeLessThan(4e-4);
    expect(apart(with_.losses, without.losses)).toBeLessThan(4e-4);
    expect(with_.fkd).not.toEqual(without.fkd);
  });

  it('has the same bits cold, warm and filled ahead, and computes no tokens when it is warm', async () => {
    const [cold, ahead] = [join(root, 'cold'), join(root, 'ahead')];
    const first = await train({ cache: cold });
    expect(first.warnings).toContainEqual(expect.stringContaining('3 are computed as they are drawn'));
    expect(await fill({ cache: ahead })).toEqual({ kept: 0, computed: 3 });
    expect(await fill({ cache: ahead })).toEqual({ kept: 3, computed: 0 });
    const before = await marks(ahead);
    const [warm, filled] = [await train({ cache: cold }), await train({ cache: ahead })];
    expect([warm.losses, filled.losses]).toEqual([first.losses, first.losses]);
    expect([await weightsOf(warm), await weightsOf(filled)]).toEqual([await weightsOf(first), await weightsOf(first)]);
    expect(filled.warnings.filter((message) => message.includes('token cache'))).toEqual([]);
    // A file is touched when it is used, which changes its times: names and inodes tell whether it was written.
    const inodes = (list: readonly string[]) => list.map((mark) => mark.split(' ').slice(0, 2).join(' '));
    expect(inodes(await marks(ahead))).toEqual(inodes(before));
  });

  it.each([
    ['clean', false],
    ['mixed', true],
  ] as const)(
    'goes on from a checkpoint with the same bits: %s views, mean subtracted: %j',
    async (distil, subtractMean) => {
      const setting = { cache: join(root, `resumed-${distil}`), distil, dinov3: { subtractMean } };
      const whole = await train(setting);
      const half = await train(setting, { stopAfter: 3 });
      expect(half.losses).toHaveLength(4);
      const rest = await train(setting, { resume: half.directory });
      expect([...half.losses, ...rest.losses]).toEqual(whole.losses);
      expect(await weightsOf(rest)).toBe(await weightsOf(whole));
      expect(rest.warnings.filter((message) => message.includes('tokens'))).toEqual([]);
    },
  );

  it('says so when the file with the weights of the teacher changed before it goes on', async () => {
    const model = join(root, 'changing.onnx');
    await writeFile(model, await patchMeanModel());
    const setting = { cache: join(root, 'changed'), model };
    const half = await train(setting, { stopAfter: 3 });
    await writeFile(model, await patchMeanModel({ prefix: 1 }));
    const rest = await train(setting, { resume: half.directory });
    const about = rest.warnings.filter((message) => message.includes('oken'));
    expect(about).toEqual([
      expect.stringMatching(/The \d files of other weights, slices or windows there are not used/),
      expect.stringContaining('not those that this run began with'),
    ]);
  });

  it('goes on with the same bits where the disk of the cache is full', async (test) => {
    const small = await mkdtemp(join(root, 'small-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'tmpfs', small], { stdio: 'pipe' });
    } catch (thrown) {
      console.info(`skipped: a small disk cannot be mounted here (${(thrown as Error).message.trim()})`);
      return test.skip();
    }
    try {
      // A volume takes 4 x 8 x 8 cells of 24 channels, 12 kB: not one fits.
      const full = await train({ cache: small, dinov3: { cache: { directory: small, memoryMb: 0 } } });
      expect(full.warnings.filter((message) => message.includes('ENOSPC'))).toEqual([
        expect.stringContaining('takes no more volumes'),
      ]);
      expect(await readdir(small)).toEqual([]);
      expect(full.losses).toEqual((await train({ cache: join(root, 'roomy') })).losses);
    } finally {
      execFileSync('umount', ['-l', small]);
    }
  });
});
