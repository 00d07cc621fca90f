import '../../test/backend.js';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FunctionMemory, NamedTensors, RunRecord, TensorFunction } from '@dinomix/core';
import { memory, type Tensor, tidy } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { type TinyHostOptions, tinyHost } from '../../test/tiny-host.js';
import { mixerThat, teacherThat, tinyBackend, tinyLoss, tinyPlugin, tinyStudent } from '../../test/tiny-plugins.js';
import { eventsOf, newFolder, tinyRun } from '../../test/tiny-run.js';
import { readCheckpoint } from '../checkpoint/checkpoints.js';
import type { RunningBackend } from '../types.js';
import { estimateMemory } from './estimate.js';
import { leversOf, weighLevers } from './levers.js';

/** Parameters of the tiny network: filters 27·4 and 4·3, norm 4·4, bias 3. */
const NETWORK = 27 * 4 + 4 * 4 + 4 * 3 + 3;

const bytes = (tensors: NamedTensors<Tensor>) => Object.values(tensors).reduce((sum, { size }) => sum + 4 * size, 0);

/** Counts inputs and outputs, and takes `work` beside them. */
function tellingBackend(work = 0, seen: { inputs: string[]; outputs: string[] }[] = []) {
  const measureMemory = (fn: TensorFunction<Tensor>, inputs: NamedTensors<Tensor>): FunctionMemory => {
    const outputs = tidy(() => fn(inputs));
    seen.push({ inputs: Object.keys(inputs), outputs: Object.keys(outputs) });
    const parts = { inputs: bytes(inputs), results: bytes(outputs), work };
    for (const value of Object.values(outputs)) value.dispose();
    return { peak: parts.inputs + parts.results + work, parts };
  };
  return tinyBackend({ measureMemory });
}

async function estimated(options: TinyHostOptions, seen?: Parameters<typeof tellingBackend>[1]) {
  const backend = tellingBackend(0, seen);
  await using host = await tinyHost({ ...options, plugins: { backend, ...options.plugins } });
  const session = (await (
    await host.resolve('backend')
  )[0]!.value.setup({ device: 'cpu', threads: null })) as RunningBackend;
  return await estimateMemory({ host, session, directory: await newFolder() });
}

describe('the estimate', () => {
  it('records the step and the evaluation of the config, and leaves no tensor behind', async () => {
    const seen: { inputs: string[]; outputs: string[] }[] = [];
    const before = memory().numTensors;
    const estimate = await estimated({}, seen);
    expect(memory().numTensors).toBe(before);
    expect(seen.map(({ outputs }) => outputs.at(-1))).toEqual(['numbers', 'probabilities']);
    expect(seen[0]!.inputs).toContain('mixed-unlabelled/pick');
    expect(seen[0]!.inputs.filter((name) => name.startsWith('optimizer/')).length).toBeGreaterThan(0);
    expect(Object.keys(estimate!.phases)).toEqual(['training step', 'evaluation', 'checkpoint']);
    const parts = Object.values(estimate!.parts);
    expect(estimate!.peak).toBe(parts.reduce((sum, one) => sum + one, 0));
  });

  it('counts the variables in every phase: student, momentum and teacher', async () => {
    const estimate = await estimated({});
    // Momentum is there for what is trained: all but the running mean and variance.
    const variables = 4 * (2 * NETWORK + (NETWORK - 8));
    const base = estimate!.parts.process! + estimate!.parts['cases and batches']!;
    expect(estimate!.phases.checkpoint! - base).toBe(2 * variables);
    // Windows [1, 4, 8, 8, 1] in, three classes out; the volume, sums of 4 planes in 16 lanes, a label map and three of the
    // file, and windows with their turned copies and probabilities.
    const beside = 4 * 1440 + 4 * (4 * 144) * 16 + 4 * 1440 + 4 * 256 * (2 + 2 * 3);
    expect(estimate!.phases.evaluation! - base).toBe(variables + 4 * 256 * (1 + 3) + beside);
  });

  it('counts cases and batches', async () => {
    const estimate = await estimated({});
    const cases = 1440 * (3 * 5 + 6 * 4 + 2 * 5);
    // Two batches: the one in use and one ahead, each of two labelled and two unlabelled crops.
    expect(estimate!.parts['cases and batches']).toBe(cases + 2 * 256 * (2 * 5 + 2 * 4));
    expect(estimate!.notes).toEqual([expect.stringContaining('beyond the size of l0 (10x12x12)')]);
  });

  it('asks the teachers first where the mixer looks at pseudo-labels', async () => {
    const seen: { inputs: string[]; outputs: string[] }[] = [];
    const mixer = mixerThat(async ({ pseudoLabels }) => void (await pseudoLabels()));
    await estimated({ plugins: { mixer } }, seen);
    expect(seen.map(({ outputs }) => outputs.at(-1))).toEqual(['pseudo-label', 'numbers', 'probabilities']);
    expect(seen[1]!.inputs).toContain('pseudo/net/unlabelled/confidence');
  });

  it('is none where a teacher from outside does not say what it will be', async () => {
    expect(await estimated({ plugins: { teacher: teacherThat({ kind: 'outside' }) } })).toBeNull();
  });

  it('counts a teacher from outside without opening it', async () => {
    const open = () => Promise.reject(new Error('opened'));
    const outline = async () => ({ tokens: null, bytes: 12_345 });
    const produces = { probabilities: false, tokens: true };
    const outside = tinyPlugin(['teacher:outside'], (api) =>
      api.provide('teacher', 'outside', () => ({
        ...{ kind: 'outside' as const, produces, looksAt: ['labelled' as const], provenance: null, open, outline },
        predict: () => Promise.reject(new Error('asked')),
      })),
    );
    const taker = tinyPlugin(['loss:taker'], (api) => {
      const slot = tinyLoss(['labelled']);
      api.provide('loss', 'taker', () => ({ ...slot, takes: { labelled: ['logits', 'tokens'] } }));
    });
    const use = { teacher: ['ema', 'outside'] };
    const taken = { ...use, loss: { supervised: 1, consistency: 1, taker: 1 } };
    const estimate = await estimated({ more: [outside, taker], use: taken });
    expect(estimate!.parts['teachers from outside']).toBe(12_345);
    // It gives tokens alone, and no loss takes any: the run leaves it out.
    expect((await estimated({ more: [outside], use }))!.parts['teachers from outside']).toBeUndefined();
  });
});

describe('the settings that take less', () => {
  const filters = tinyPlugin(['student:net'], (api) => api.provide('student', 'net', () => tinyStudent));

  it('are one notch further each, in multiples that the network takes', async () => {
    await using host = await tinyHost({
      plugins: { student: filters },
      train: { batch: { labelled: 3, unlabelled: 2 } },
    });
    const session = { ops: {} } as unknown as RunningBackend;
    const levers = await leversOf({ host, session, directory: await newFolder() });
    expect(levers.map(({ overrides }) => overrides)).toEqual([
      ['--set train.patch=[3,6,6]'],
      ['--set train.batch.labelled=2', '--set train.batch.unlabelled=1'],
      ['--set train.passes=by-view'],
      ['--set train.passes=by-crop'],
    ]);
  });

  it('are weighed by an estimate of their own; one that saves nothing is left out', async () => {
    const backend = tellingBackend();
    await using host = await tinyHost({ plugins: { backend } });
    const session = (await (
      await host.resolve('backend')
    )[0]!.value.setup({ device: 'cpu', threads: null })) as RunningBackend;
    const material = { host, session, directory: await newFolder() };
    const { peak } = (await estimateMemory(material))!;
    const open = (overrides: readonly string[]) => tinyHost({ plugins: { backend }, overrides });
    const levers = await weighLevers(material, peak, open);
    const names = levers.map(({ overrides }) => overrides[0]);
    expect(names.slice(0, 2)).toEqual(['--set train.patch=[3,6,6]', '--set train.batch.labelled=1']);
    for (const { peak: other, saves } of levers) expect(other + saves).toBe(peak);
    expect(await weighLevers(material, 0, open)).toEqual([]);
  });
});

describe('a run', () => {
  it('tells what it expects before its record, and keeps it', async () => {
    const { outcome, events, directory } = await tinyRun({ plugins: { backend: tellingBackend() } });
    expect(outcome.error).toBeNull();
    expect(events.slice(0, 2).map(({ type }) => type)).toEqual(['memory', 'run.start']);
    const [told] = eventsOf(events, 'memory');
    const record = JSON.parse(await readFile(join(directory, 'record.json'), 'utf8')) as RunRecord;
    expect(record.memory).toEqual({ estimate: told!.estimate, room: told!.room });
    expect(record.outcome!.peakMb).toBe(outcome.peakMb);
  });

  it('is refused before anything is read where the memory will not suffice', async () => {
    const { outcome, events } = await tinyRun({ plugins: { backend: tellingBackend(1e15) } });
    expect(outcome.error).toMatchObject({ code: 'DMX_MEMORY', why: expect.stringContaining('work 1000000.00 GB') });
    expect(events.map(({ type }) => type)).toEqual(['memory', 'run.end']);
  });

  it('goes on by force', async () => {
    const { outcome } = await tinyRun({ plugins: { backend: tellingBackend(1e15) } }, { force: true });
    expect(outcome.status).toBe('completed');
  });

  it('names what the levers save', async () => {
    const backend = tellingBackend(1e15);
    const openVariant = (overrides: readonly string[]) => tinyHost({ plugins: { backend }, overrides });
    const { outcome } = await tinyRun({ plugins: { backend } }, { openVariant });
    expect(outcome.error!.fix).toMatch(/--set train\.patch=\[3,6,6\] {2}saves [\d.]+ kB: 1300000\.\d\d GB\n/);
    expect(outcome.error!.fix).toContain('--force goes on nevertheless.');
  });

  it('refuses a crop that does not divide before anything is read', async () => {
    const { outcome, events } = await tinyRun({ train: { patch: [4, 7, 8] } });
    expect(outcome.error).toMatchObject({ code: 'DMX_PATCH_MULTIPLE' });
    expect(events.map(({ type }) => type)).toEqual(['run.end']);
  });
});

describe('memory that fails in a step', () => {
  const failing = (message: string) => {
    let step = -1;
    return tinyPlugin(
      [],
      (api) => {
        api.hooks.stepEnd.tap(({ position }) => {
          step = position.step;
        });
        api.hooks.batchReady.tap((batch) => {
          if (step === 3) throw Object.assign(new Error(message), { code: 'DMX_ENGINE_MEMORY' });
          return batch;
        });
      },
      'hungry',
    );
  };

  it.each([
    'DMX_ENGINE_MEMORY: out of memory while running a graph of 9 operations: std::bad_alloc\nMake the patch smaller.',
    'Array buffer allocation failed',
  ])('is named with step, patch, levers and the last checkpoint: %s', async (message) => {
    const { outcome, directory } = await tinyRun({ more: [failing(message)] });
    const { code, summary, why, fix } = outcome.error as Record<string, string>;
    expect(code).toBe('DMX_OUT_OF_MEMORY');
    expect(summary).toBe('The memory did not suffice at step 4 (epoch 1)');
    expect(why).toContain(message.split('\n')[0]);
    expect(why).toContain('2 labelled and 2 unlabelled crops of [4, 8, 8] voxels');
    expect(why).toContain(`The last checkpoint, ${join(directory, 'checkpoints', 'checkpoint-00000003')}, is whole.`);
    expect(fix).toContain('--set train.batch.labelled=1 --set train.batch.unlabelled=1');
    expect(fix).toContain('Or resume this run where there is more memory.');
    const { step, variables } = await readCheckpoint(join(directory, 'checkpoints', 'checkpoint-00000003'));
    expect(step).toBe(3);
    expect(variables.size).toBeGreaterThan(0);
  });
});
