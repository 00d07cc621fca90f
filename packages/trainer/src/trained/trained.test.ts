import { createPass } from '../step/graph/students.js';
import '../../test/backend.js';
import { join } from 'node:path';
import { createVolume, readNifti } from '@dinomix/volume';
import { memory, tensor, tidy } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { createTinyReader } from '../../../data/test/tiny-reader.mjs';
import { type TinyHostOptions, tinyHost } from '../../test/tiny-host.js';
import { tinyPlugin, tinyStudent } from '../../test/tiny-plugins.js';
import { eventsOf, newFolder, type TinyRun, tinyRun } from '../../test/tiny-run.js';
import { predictPrepared, prepareImage } from '../inference/predict.js';
import { openBackend } from '../run/open-backend.js';
import { evaluateRun } from './evaluate-run.js';
import { openTrained } from './open-trained.js';

const heard = { signal: new AbortController().signal, onEvent: () => undefined, onClasses: () => undefined };

async function openFrom(options: TinyHostOptions, directory: string) {
  const host = await tinyHost(options);
  const run = host.createRun({ id: 'run', directory });
  return { host, trained: await openTrained(run, await openBackend(host), 'best') };
}

describe('a trained run', () => {
  let whole: TinyRun;
  beforeAll(async () => {
    whole = await tinyRun();
  });

  it('evaluates as training did', async () => {
    const before = memory().numTensors;
    const { directory, events } = whole;
    await using host = await tinyHost();
    const given = { role: 'test', checkpoint: 'best', writePredictions: false } as const;
    const report = await evaluateRun({ host, id: 'run', directory, ...given, ...heard });
    const timeless = ({ cases, ...rest }: typeof report) => {
      return { ...rest, cases: cases.map((one) => ({ ...one, seconds: 0 })) };
    };
    expect(report.data).toEqual({ digest: 'tiny', cases: {} });
    expect(timeless(report)).toEqual(timeless(eventsOf(events, 'evaluation').at(-1)!.report));
    expect(memory().numTensors).toBe(before);
  });

  it('predicts an image as it did in training', async () => {
    const { host, trained } = await openFrom({}, whole.directory);
    const { image } = await createTinyReader({ shape: [10, 12, 12], seed: 7 }).readCase('t0', 'test');
    const volume = createVolume({ data: image.data, shape: image.shape, spacing: image.spacing });
    const { learnedFrom, patch, network } = trained;
    const windows = { patch, stride: null, overlap: 0, blending: 'uniform', batch: 1, mirror: [] } as const;
    const { preprocessing } = learnedFrom.images;
    const given = { ...windows, classCount: 3, padValue: 0, network, preprocessing };
    const labels = await predictPrepared(prepareImage(volume, given), given);
    const stored = await readNifti(join(whole.directory, 'predictions', 't0.nii.gz'));
    expect([...labels.data]).toEqual([...stored.volume.data]);
    expect(trained.source).toBe('ema');
    await host.dispose();
  });

  it('is refused where it does not fit or is not there', async () => {
    const missing = openFrom({}, await newFolder());
    await expect(missing).rejects.toMatchObject({ code: 'DMX_RESUME_NOTHING' });
    const renamed = tinyPlugin(['student:net'], (api) =>
      api.provide('student', 'net', () => ({
        build(ctx) {
          const model = tinyStudent.build(ctx);
          return { ...model, parameters: [...model.parameters, { ...model.parameters[0]!, name: 'third.filter' }] };
        },
      })),
    );
    const other = openFrom({ plugins: { student: renamed } }, whole.directory);
    await expect(other).rejects.toMatchObject({ code: 'DMX_CHECKPOINT_CONTENT' });
  });
});

describe('two students', () => {
  it('are one network, the mean of their logits', async () => {
    const students = (['a', 'b'] as const).map((id) =>
      tinyPlugin([`student:${id}`], (api) => api.provide('student', id as never, () => tinyStudent)),
    );
    const given: TinyHostOptions = {
      plugins: { student: null, teacher: null, mixer: null, consistency: null },
      more: students,
      use: { student: ['a', 'b'], loss: { supervised: 1 } },
      train: { epochs: 1, batch: { labelled: 2, unlabelled: 0 } },
    };
    const { directory, outcome } = await tinyRun(given);
    expect(outcome.error).toBeNull();
    const { host, trained } = await openFrom(given, directory);
    const { model, weights, network } = trained;
    expect(model.parameters.map(({ name }) => name).slice(6, 8)).toEqual(['a/last.bias', 'b/first.filter']);
    const image = Float32Array.from({ length: 256 }, (_, index) => Math.sin(index));
    const { data } = await network.run(image, [1, 4, 8, 8, 1]);
    const pass = createPass('net', false, tensor([0]));
    const logits = tidy(() => model.forward(tensor(image, [1, 4, 8, 8, 1]), weights, pass).logits.dataSync());
    const exponentials = [0, 1, 2].map((index) => Math.exp(logits[index]!));
    const sum = exponentials.reduce((total, value) => total + value);
    exponentials.forEach((value, index) => {
      expect(data[index]).toBeCloseTo(value / sum, 5);
    });
    await host.dispose();
  });
});
