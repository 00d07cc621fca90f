import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { onnxruntime } from '@dinomix/backend-onnxruntime';
import { createHost } from '@dinomix/core';
import { phantom } from '@dinomix/dataset-phantom';
import { diceCe } from '@dinomix/loss-dice-ce';
import { fkd } from '@dinomix/loss-fkd';
import { dinomix } from '@dinomix/preset-dinomix';
import { vnet } from '@dinomix/student-vnet';
import { dinov3 } from '@dinomix/teacher-dinov3';
import { builtIns, runTraining } from '@dinomix/trainer';
import { createGate } from '../lib/gate.mjs';

/** Steps before the timed ones: the cache is filled, the graphs are compiled and replayed. */
const WARM_UP = 3;

/** A network of ViT-S's size whose tokens come from the cache. */
function cachedTeacher(folder) {
  return { control: { channels: 384, blocks: 12, heads: 6, seed: 0 }, cache: { directory: join(folder, 'tokens') } };
}

/** Supervised training of the 16-filter V-Net on two crops of 64x128x128; FKD takes the view that is there anyway. */
function supervised(folder, withFkd) {
  return {
    plugins: [
      vnet({ filters: 16 }),
      diceCe({ views: ['labelled'] }),
      ...(withFkd ? [dinov3(cachedTeacher(folder)), fkd({ views: ['labelled'] })] : []),
    ],
    use: { loss: withFkd ? { 'dice-ce': 1, fkd: 1 } : { 'dice-ce': 1 } },
    train: { patch: [64, 128, 128], batch: { labelled: 2, unlabelled: 0 } },
  };
}

/** The whole of DINO-Mix with 16 filters on two and two crops of 32x64x64. @param distil - null leaves FKD out */
function wholeMethod(folder, distil) {
  const without = { teacher: ['ema'], loss: { 'dice-ce': 1, consistency: 1, fkd: false } };
  return {
    extends: [dinomix(distil === null ? {} : { distil })],
    plugins: [],
    options: { 'student:vnet': { filters: 16 }, 'teacher:dinov3': cachedTeacher(folder) },
    ...(distil === null ? { use: without } : {}),
    train: { patch: [32, 64, 64], batch: { labelled: 2, unlabelled: 2 } },
  };
}

/** A training through the trainer itself: loader, teachers, mixing, step, reports. */
export async function startTraining({ folder, fkd: withFkd, distil }) {
  const gate = createGate();
  const method = distil === undefined ? supervised(folder, withFkd) : wholeMethod(folder, distil);
  const cases = { labelled: 2, unlabelled: method.train.batch.unlabelled, validation: 0, test: 0 };
  const shared = [onnxruntime(), phantom({ cases, cache: join(folder, 'phantoms') }), gate.plugin];
  const config = {
    ...method,
    plugins: [...method.plugins, ...shared],
    train: { ...method.train, epochs: 1, stepsPerEpoch: 100_000, workers: 1, validateEvery: 0 },
  };
  const host = await createHost({ config, base: builtIns });
  const first = gate.next();
  const directory = mkdtempSync(join(folder, 'run-'));
  const ended = runTraining({ host, id: 'bench', directory }).then(({ reason }) => {
    throw new Error(`the training ended: ${reason}`);
  });
  await Promise.race([first, ended]);
  const step = async () => (await Promise.race([gate.next(), ended])).loss;
  for (let done = 0; done < WARM_UP; done++) await step();
  return { step };
}
