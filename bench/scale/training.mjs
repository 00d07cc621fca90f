import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onnxruntime } from '@dinomix/backend-onnxruntime';
import { createHost, definePlugin } from '@dinomix/core';
import { dinomix } from '@dinomix/preset-dinomix';
import { builtIns, runTraining } from '@dinomix/trainer';
import { scaleDataset } from './cases.mjs';

const EPOCHS = 1000;

/** The data set, and a hold after each epoch until the next one is asked for. */
function createGate(dataset) {
  let finished;
  let proceed;
  const plugin = definePlugin({
    name: '@dinomix/bench-epochs',
    version: '1.0.0',
    core: '^1.0.0',
    api: 1,
    provides: ['dataset:bench'],
    options: { '~standard': { version: 1, vendor: 'bench', validate: (value) => ({ value }) } },
    setup(api) {
      api.provide('dataset', 'bench', () => dataset);
      api.hooks.epochEnd.tap(
        (report) =>
          new Promise((resolve) => {
            proceed = resolve;
            finished(report);
          }),
      );
    },
  })();
  const next = () =>
    new Promise((resolve) => {
      finished = resolve;
      proceed?.();
    });
  return { plugin, next };
}

function configOf(gate, train) {
  return {
    extends: [dinomix()],
    plugins: [onnxruntime(), gate.plugin],
    use: { teacher: ['ema'], loss: { 'dice-ce': 1, consistency: 1 } },
    options: { 'student:vnet': { filters: 2, levels: 2, encoderConvs: [1, 1], norm: 'none' } },
    train: { patch: [16, 32, 32], epochs: EPOCHS, checkpointEvery: EPOCHS, workers: 1, validateEvery: 0, ...train },
  };
}

/** Trains a tiny network by PIC with donors from all labelled cases. A step is an epoch over every case. */
export async function create({ folder, scans, cases, train = {} }) {
  const cache = join(folder, `prepared-${cases}`);
  const prepare = fileURLToPath(new URL('prepare-cases.mjs', import.meta.url));
  execFileSync(process.execPath, [prepare, scans, String(cases), cache]);
  const gate = createGate(scaleDataset({ scans, cases, cache }));
  const host = await createHost({ config: configOf(gate, train), base: builtIns });
  const first = gate.next();
  const directory = mkdtempSync(join(folder, 'run-'));
  const ended = runTraining({ host, id: 'bench', directory }).then(({ reason }) => {
    throw new Error(`the training ended: ${reason}`);
  });
  await Promise.race([first, ended]);
  return async () => (await Promise.race([gate.next(), ended])).loss;
}
