import '../../test/backend.js';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { RunEvent, RunRecord } from '@dinomix/core';
import { readNifti } from '@dinomix/volume';
import { memory, mul, scalar } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { TinyHostOptions } from '../../test/tiny-host.js';
import { tinyBackend, tinyData, tinyPlugin } from '../../test/tiny-plugins.js';
import { checkpointDigests, eventsOf, newFolder, tinyRun } from '../../test/tiny-run.js';

/** Stops a run as a signal from outside would, at the end of a step. */
function stopAfter(step: number) {
  const controller = new AbortController();
  const onEvent = (event: RunEvent): void => {
    if (event.type === 'step' && event.report.position.step === step) controller.abort(new Error('stop'));
  };
  return { signal: controller.signal, onEvent };
}

/** Breaks the run at the end of a step, as a kill would: nothing is saved. */
const powerCut = { step: -1 };
const breaker = tinyPlugin(
  [],
  (api) => {
    api.hooks.stepEnd.tap((report) => {
      if (report.position.step === powerCut.step) throw new Error('power cut');
    });
  },
  'breaker',
);

describe('a run', () => {
  it('trains, evaluates, saves and tests', async () => {
    const before = memory().numTensors;
    const { outcome, events, directory } = await tinyRun();
    expect(memory().numTensors).toBe(before);
    expect(outcome).toMatchObject({ status: 'completed', error: null, position: { epoch: 1, step: 5 } });
    const epoch = 'step step step case evaluation epoch checkpoint';
    expect(events.map(({ type }) => type).join(' ')).toBe(`run.start ${epoch} ${epoch} slice case evaluation run.end`);
    const record = JSON.parse(await readFile(join(directory, 'record.json'), 'utf8')) as RunRecord;
    expect(record).toMatchObject({
      run: { id: 'run', seed: 5 },
      config: { train: { epochs: 2 } },
      packages: { '@dinomix/trainer': '1.0.0', '@tensorflow/tfjs-core': '4.22.0' },
      backend: { name: 'cpu' },
      dataset: { title: 'tiny' },
    });
    expect(record.outcome).toEqual(JSON.parse(JSON.stringify(outcome)));
    expect(eventsOf(events, 'run.start')[0]!.record).toEqual({ ...record, outcome: null });
    const [first] = eventsOf(events, 'step');
    expect(first!.report).toMatchObject({
      position: { step: 0 },
      reports: { 'mixer:box': { boxes: { unit: 'count', values: [4] } } },
      learningRate: 0.05,
    });
    expect(Object.keys(first!.report.terms)).toEqual(['supervised', 'consistency']);
    expect(first!.report.terms.consistency!.weight).toBeCloseTo(Math.exp(-5), 12);
    const prediction = await readNifti(join(directory, 'predictions', 't0.nii.gz'));
    expect(prediction.volume.shape).toEqual([10, 12, 12]);
    expect(prediction.volume.spacing).toEqual([2, 1, 1]);
    const report = eventsOf(events, 'evaluation').at(-1)!.report;
    expect(report).toMatchObject({ role: 'test', weights: 'ema', cases: [{ caseId: 't0' }] });
    expect(report.mean.dice).toBeCloseTo(((report.perClass.dice![1] ?? 0) + (report.perClass.dice![2] ?? 0)) / 2, 12);
  });

  it('has the same numbers twice, whatever the number of loader threads', async () => {
    const runs = await Promise.all([tinyRun({ train: { workers: 2 } }), tinyRun({ train: { workers: 0 } })]);
    const [digests, losses] = [
      await Promise.all(runs.map(({ directory }) => tensorsOf(directory))),
      runs.map(lossesOf),
    ];
    expect(digests[0]).toEqual(digests[1]);
    expect(losses[0]).toEqual(losses[1]);
    expect(new Set(losses[0]).size).toBe(6);
  });

  it('tells once which kernels its backend left to a slower one, and counts them in its record', async () => {
    let calls = 0;
    const usage = () => ({ tensors: 0, bytes: 0, fallbackKernels: { FFT: ++calls, Unique: 2 } });
    const { events, directory } = await tinyRun({ plugins: { backend: tinyBackend({ usage }) } });
    const warnings = eventsOf(events, 'warning').map(({ message }) => message);
    expect(warnings).toEqual([expect.stringContaining('FFT, Unique ran outside of the backend cpu')]);
    const record = JSON.parse(await readFile(join(directory, 'record.json'), 'utf8')) as RunRecord;
    expect(record.outcome!.fallbackKernels).toEqual({ FFT: calls, Unique: 2 });
  });

  it('leaves the record of an earlier run in the folder alone', async () => {
    const { directory } = await tinyRun();
    const before = await readFile(join(directory, 'record.json'));
    const again = await tinyRun({}, { directory });
    expect(again.outcome.error).toMatchObject({ code: 'DMX_RUN_EXISTS' });
    expect(await readFile(join(directory, 'record.json'))).toEqual(before);
  });

  it('learns', async () => {
    const { events } = await tinyRun({ train: { stepsPerEpoch: 12 } });
    const epochs = eventsOf(events, 'epoch').map(({ report }) => report.terms.supervised!);
    expect(epochs[1]).toBeLessThan(0.9 * epochs[0]!);
  });
});

async function tensorsOf(directory: string): Promise<string | undefined> {
  return (await checkpointDigests(directory))['checkpoint-00000006.safetensors'];
}

function lossesOf({ events }: { readonly events: readonly RunEvent[] }): number[] {
  return eventsOf(events, 'step').map(({ report }) => report.loss);
}

describe('resuming', () => {
  const weighter = tinyPlugin(['weighter:counter'], (api) => {
    let calls = 0;
    api.provide('weighter', 'counter', () => ({
      students: null,
      takes: [],
      weigh: () => null,
      host: {
        async update(labelledVoxels, students) {
          const present = labelledVoxels.filter((voxels) => voxels > 0).length;
          return { [students[0]!]: [1, 1 + ++calls / 10, 1 + present / 10] };
        },
        getState: async () => ({ json: { calls }, arrays: { calls: { shape: [1], data: Float64Array.of(calls) } } }),
        async setState({ json, arrays }) {
          expect(arrays.calls!.data).toEqual(Float64Array.of(json.calls as number));
          calls = json.calls as number;
        },
      },
    }));
  });
  const hooked = tinyPlugin([], (api) => {
    let steps = 0;
    api.hooks.stepEnd.tap(() => {
      steps++;
    });
    api.hooks.checkpointSave.tap((writer) => {
      writer.json('steps', { steps });
      writer.array('steps', { shape: [2], data: Int32Array.of(steps, -steps) });
    });
    api.hooks.checkpointLoad.tap((reader) => {
      steps = reader.json('steps')!.steps as number;
      expect(reader.array('steps')).toEqual({ shape: [2], data: Int32Array.of(steps, -steps) });
    });
  });
  const options: TinyHostOptions = { more: [weighter, hooked, breaker] };

  it('after a kill gives the bytes of an uninterrupted run', async () => {
    const whole = await tinyRun(options);
    expect(whole.outcome.status).toBe('completed');
    const directory = await newFolder();
    powerCut.step = 4;
    const killed = await tinyRun(options, { directory });
    powerCut.step = -1;
    expect(killed.outcome).toMatchObject({ status: 'failed', error: { code: 'DMX_HOOK_FAILED' } });
    expect(Object.keys(await checkpointDigests(directory))).toContain('checkpoint-00000003.safetensors');
    const resumed = await tinyRun(options, { directory, resume: true });
    expect(resumed.outcome.status).toBe('completed');
    expect(eventsOf(resumed.events, 'step').map(({ report }) => report.position.step)).toEqual([3, 4, 5]);
    expect(await checkpointDigests(directory)).toEqual(await checkpointDigests(whole.directory));
    expect(lossesOf(resumed)).toEqual(lossesOf(whole).slice(3));
  });

  it.each([1, 2, 3])(
    'after a stop request at the end of step %i does too, and keeps the means of the epoch',
    async (step) => {
      const whole = await tinyRun(options);
      const stopped = await tinyRun(options, stopAfter(step));
      expect(stopped.outcome).toMatchObject({ status: 'interrupted', position: { step } });
      const { directory } = stopped;
      const name = `checkpoint-0000000${step + 1}.safetensors`;
      expect(Object.keys(await checkpointDigests(directory))).toContain(name);
      const resumed = await tinyRun(options, { directory, resume: true });
      const digests = await checkpointDigests(directory);
      for (const [file, digest] of Object.entries(await checkpointDigests(whole.directory)))
        expect(digests[file]).toBe(digest);
      const means = ({ events }: { readonly events: readonly RunEvent[] }) =>
        eventsOf(events, 'epoch').map(({ report }) => report.loss);
      expect([...means(stopped), ...means(resumed)]).toEqual(means(whole));
    },
  );

  it('begins at the first step where the run was ended before its first checkpoint', async () => {
    const directory = await newFolder();
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'run.lock'), 'cut');
    const { outcome, events } = await tinyRun(options, { directory, resume: true });
    expect(outcome.status).toBe('completed');
    expect(eventsOf(events, 'warning')[0]!.message).toContain('no checkpoint yet');
    const whole = await tinyRun(options);
    expect(await checkpointDigests(directory)).toEqual(await checkpointDigests(whole.directory));
  });

  it('is refused with another config, over an existing run, and where no checkpoint can be read', async () => {
    const { directory } = await tinyRun();
    // No reporter is asked for anything: it has no folder.
    const refused = await tinyRun({}, { directory });
    expect(refused.events.map(({ type }) => type)).toEqual(['run.end']);
    const failed = async (given: TinyHostOptions, more: object) => (await tinyRun(given, more)).outcome.error;
    expect(await failed({}, { directory })).toMatchObject({ code: 'DMX_RUN_EXISTS' });
    const other = { train: { patience: 3 } };
    expect(await failed(other, { directory, resume: true })).toMatchObject({ code: 'DMX_RESUME_CONFIG' });
    const folder = join(directory, 'checkpoints');
    for (const file of await readdir(folder)) await writeFile(join(folder, file), '');
    const damaged = await failed({}, { directory, resume: true });
    expect(damaged).toMatchObject({ code: 'DMX_RESUME_DAMAGED', why: expect.stringContaining('checkpoint-0000') });
  });

  it('is refused while another process works in the folder, and takes the folder of one that has ended', async () => {
    const { directory } = await tinyRun(options, stopAfter(4));
    const lock = join(directory, 'run.lock');
    const began = (await readFile(`/proc/${process.ppid}/stat`, 'utf8').catch(() => ''))
      .split(') ')
      .at(-1)!
      .split(' ')[19];
    const holder = { pid: process.ppid, host: hostname(), began: began ?? null };
    await writeFile(lock, JSON.stringify(holder));
    const before = await checkpointDigests(directory);
    const { outcome } = await tinyRun(options, { directory, resume: true });
    expect(outcome.error).toMatchObject({
      code: 'DMX_RUN_LOCKED',
      why: `Process ${process.ppid} on ${hostname()} works in it, by ${lock}.`,
    });
    expect(await checkpointDigests(directory)).toEqual(before);
    // The number of a process that has ended, given to another since.
    await writeFile(lock, JSON.stringify({ ...holder, began: '1' }));
    expect((await tinyRun(options, { directory, resume: true })).outcome.status).toBe('completed');
    await expect(readFile(lock)).rejects.toThrow('ENOENT');
  });

  it('writes a damaged record again, and says so', async () => {
    const { directory } = await tinyRun(options, stopAfter(4));
    await writeFile(join(directory, 'record.json'), '{"run":');
    const { outcome, events } = await tinyRun(options, { directory, resume: true });
    expect(outcome.status).toBe('completed');
    expect(eventsOf(events, 'warning')[0]!.message).toMatch(/record\.json is damaged \(.*\): it is written again/);
    expect(JSON.parse(await readFile(join(directory, 'record.json'), 'utf8'))).toMatchObject({
      run: { id: 'run' },
      outcome: { status: 'completed' },
    });
  });

  it('goes on in a copy of its folder and leaves the original as it is', async () => {
    const { directory } = await tinyRun(options, stopAfter(4));
    const original = await readFile(join(directory, 'record.json'));
    const copy = await newFolder();
    await cp(directory, copy, { recursive: true });
    const { outcome } = await tinyRun(options, { directory: copy, resume: true });
    expect(outcome.status).toBe('completed');
    expect(await readFile(join(directory, 'record.json'))).toEqual(original);
    expect(JSON.parse(await readFile(join(copy, 'record.json'), 'utf8'))).toMatchObject({
      outcome: { status: 'completed' },
    });
  });

  it('passes over a damaged checkpoint and says so', async () => {
    const { directory } = await tinyRun(options, stopAfter(4));
    await writeFile(join(directory, 'checkpoints', 'checkpoint-00000005.safetensors'), 'half');
    const resumed = await tinyRun(options, { directory, resume: true });
    expect(eventsOf(resumed.events, 'warning')[0]!.message).toContain('checkpoint-00000005');
    expect(eventsOf(resumed.events, 'step')[0]!.report.position.step).toBe(3);
    expect(resumed.outcome.status).toBe('completed');
  });
});

describe('a loss that is not finite', () => {
  it('ends the run with the cases and the step, and leaves the last good checkpoint', async () => {
    const spoil = tinyPlugin([], (api) => {
      api.hooks.lossTerms.tap((terms, { position }) =>
        position.step < 4 ? undefined : terms.map((term) => ({ ...term, value: mul(term.value, scalar(Number.NaN)) })),
      );
    });
    const before = memory().numTensors;
    const { outcome, directory, events } = await tinyRun({ more: [spoil] });
    expect(memory().numTensors).toBe(before);
    expect(outcome).toMatchObject({ status: 'failed', error: { code: 'DMX_LOSS_NOT_FINITE', step: 4, epoch: 1 } });
    const { why } = outcome.error as { readonly why: string };
    expect(outcome.error!.summary).toBe('The loss is NaN at step 4 (epoch 1)');
    // Two labelled and two unlabelled crops, and those of the mixer's donor.
    expect(why).toMatch(/Crops of this step: l\d(, [lu]\d){2,4}\. /);
    expect(why).toContain(join(directory, 'checkpoints', 'checkpoint-00000003'));
    const files = Object.keys(await checkpointDigests(directory));
    expect(files).toEqual(['checkpoint-00000003.json', 'checkpoint-00000003.safetensors']);
    expect(eventsOf(events, 'run.end')[0]!.outcome).toEqual(outcome);
  });
});

describe('stopping', () => {
  it('early when the best is too long ago', async () => {
    const scores = [0.5, 0.6, 0.4, 0.6, 0.9, 0.9];
    const metric = tinyPlugin(['metric:scripted'], (api) =>
      api.provide('metric', 'scripted', () => ({
        columns: [{ name: 'dice', title: 'Dice', unit: 'ratio', better: 'higher' }],
        evaluate: () => ({ dice: [null, scores.shift()!, null] }),
      })),
    );
    const train = { epochs: 9, stepsPerEpoch: 1, patience: 2, keepCheckpoints: 1 };
    const { outcome, events, directory } = await tinyRun({ plugins: { metric }, train });
    expect(outcome.status).toBe('stopped');
    expect(outcome.reason).toBe('dice has not improved for 2 epochs; the best was 0.6 in epoch 1');
    expect(eventsOf(events, 'epoch')).toHaveLength(4);
    expect(eventsOf(events, 'checkpoint').map(({ best }) => best)).toEqual([true, true, false, false]);
    const files = Object.keys(await checkpointDigests(directory)).filter((name) => name.endsWith('.safetensors'));
    expect(files).toEqual(['checkpoint-00000002.safetensors', 'checkpoint-00000004.safetensors']);
    const { report } = eventsOf(events, 'evaluation').at(-1)!;
    expect(report.role).toBe('test');
    expect(JSON.parse(await readFile(join(directory, 'evaluation-test.json'), 'utf8'))).toEqual(report);
  });

  it('when a plugin says so', async () => {
    const stop = tinyPlugin([], (api) => {
      api.hooks.runShouldStop.tap(({ position }) =>
        position.epoch === 0 ? { stop: true, reason: 'good enough' } : undefined,
      );
    });
    const { outcome } = await tinyRun({ more: [stop] });
    expect(outcome).toMatchObject({ status: 'stopped', reason: 'good enough', position: { step: 2 } });
  });
});

describe('the sampler', () => {
  async function crops(options: TinyHostOptions): Promise<string[]> {
    const seen: string[] = [];
    const watch = tinyPlugin([], (api) => {
      api.hooks.batchReady.tap(({ labelled, unlabelled }) => {
        seen.push(JSON.stringify([labelled.crops, unlabelled?.crops, labelled.image.reduce((a, b) => a + b, 0)]));
        return undefined;
      });
    });
    const { outcome } = await tinyRun({ ...options, more: [watch, ...(options.more ?? [])] });
    expect(outcome.status).toBe('completed');
    return seen;
  }

  it('draws the same crops whatever the mixer', async () => {
    const withBoxes = await crops({});
    const greedy = tinyPlugin(['mixer:greedy'], (api) => {
      api.provide('mixer', 'greedy', () => ({
        plan({ previous }, { rng }) {
          for (let draw = 0; draw < 100; draw++) rng.stream('box').uniform();
          return previous;
        },
      }));
    });
    expect(withBoxes).toHaveLength(6);
    expect(await crops({ plugins: { mixer: greedy } })).toEqual(withBoxes);
    const without = { plugins: { mixer: null }, use: { loss: { supervised: 1 } } };
    expect(await crops(without)).toEqual(withBoxes);
  });
});

describe('reporters', () => {
  it('get every event in order, and one that fails is left out', async () => {
    const calls: string[] = [];
    const good = tinyPlugin(['reporter:good'], (api) => {
      api.provide('reporter', 'good', () => ({
        open: async () => void calls.push('open'),
        event: ({ type }) => void calls.push(type),
        close: async () => void calls.push('close'),
      }));
    });
    const bad = tinyPlugin(['reporter:bad'], (api) => {
      api.provide('reporter', 'bad', () => ({
        event({ type }) {
          if (type === 'step') throw new Error('pipe closed');
        },
      }));
    });
    const { outcome, events } = await tinyRun({ more: [good, bad], train: { epochs: 1 } });
    expect(outcome.status).toBe('completed');
    expect(calls).toEqual(['open', ...events.map(({ type }) => type), 'close']);
    expect(eventsOf(events, 'warning').map(({ message }) => message)).toEqual([
      'reporter:bad failed and is left out from here on: pipe closed',
    ]);
  });
});

describe('bad input', () => {
  it.each([
    [{ plugins: { dataset: tinyData({ splits: { unlabelled: ['broken1', 'u1'] } }) } }, 'DMX_CASE_UNUSABLE', 'broken1'],
    [{ train: { patch: [4, 9, 8] } }, 'DMX_PATCH_MULTIPLE', '[4, 9, 8]'],
    [{ plugins: { teacher: null } }, 'DMX_LOSS_NEEDS', 'loss:consistency'],
    [{ train: { selectBy: 'dicce' } }, 'DMX_SELECT_COLUMN', '"dice"'],
    [{ overrides: ['--set inference.weights=emma'] }, 'DMX_WEIGHTS_CHOICE', '"ema"'],
  ])('%o ends the run with %s', async (options, code, mention) => {
    const { outcome, events } = await tinyRun(options as TinyHostOptions);
    expect(outcome.status).toBe('failed');
    expect(outcome.error).toMatchObject({ code });
    expect(JSON.stringify(outcome.error)).toContain(mention.replaceAll('"', '\\"'));
    expect(events.at(-1)!.type).toBe('run.end');
  });

  it('a folder that cannot be made is named', async () => {
    const directory = join(await newFolder(), 'inner');
    await mkdir(join(directory, '..', '..'), { recursive: true });
    await writeFile(join(directory, '..'), 'a file');
    const { outcome } = await tinyRun({}, { directory });
    expect(outcome).toMatchObject({
      status: 'failed',
      error: {
        code: 'DMX_RUN_FOLDER',
        summary: `${directory} cannot be the folder of a run`,
        why: 'A part of the path is a file.',
      },
    });
  });
});
