import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onnxruntime } from '@dinomix/backend-onnxruntime';
import { createHost } from '@dinomix/core';
import { dinomix } from '@dinomix/preset-dinomix';
import { builtIns, runTraining } from '@dinomix/trainer';
import { createGate } from '../lib/gate.mjs';
import { scaleDataset } from './cases.mjs';

const EPOCHS = 1000;

function configOf(gate, train) {
  return {
    extends: [dinomix()],
    plugins: [onnxruntime(), gate.plugin],
    use: { teacher: ['ema'], loss: { 'dice-ce': 1, consistency: 1, fkd: false } },
    options: { 'student:vnet': { filters: 2, levels: 2, encoderConvs: [1, 1], norm: 'none' } },
    train: { patch: [16, 32, 32], epochs: EPOCHS, checkpointEvery: EPOCHS, workers: 1, validateEvery: 0, ...train },
  };
}

/** Trains a tiny network by PIC with donors from all labelled cases. A step is an epoch over every case. */
export async function create({ folder, scans, cases, train = {} }) {
  const cache = join(folder, `prepared-${cases}`);
  const prepare = fileURLToPath(new URL('prepare-cases.mjs', import.meta.url));
  execFileSync(process.execPath, [prepare, scans, String(cases), cache]);
  const gate = createGate({ hook: 'epochEnd', dataset: scaleDataset({ scans, cases, cache }) });
  const host = await createHost({ config: configOf(gate, train), base: builtIns });
  const first = gate.next();
  const directory = mkdtempSync(join(folder, 'run-'));
  const ended = runTraining({ host, id: 'bench', directory }).then(({ reason }) => {
    throw new Error(`the training ended: ${reason}`);
  });
  await Promise.race([first, ended]);
  return async () => (await Promise.race([gate.next(), ended])).loss;
}
