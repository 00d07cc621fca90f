import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { createHost } from '@dinomix/core';
import { builtIns, runTraining } from '@dinomix/trainer';
import { createGate } from '../lib/gate.mjs';
import { configOf } from './presets.mjs';

/** Long enough for every row, so that nothing of an epoch's end is timed. */
const FOREVER = { epochs: 100, stepsPerEpoch: 10_000, validateEvery: 0 };

/** Sum of the terms of a step without their weights, which are 0 or near it at the start of a run. */
export function termsOf({ terms }) {
  return Object.values(terms).reduce((sum, { value }) => sum + value, 0);
}

/** A training through the trainer itself: loader, teachers, mixing, step, reports. @returns the step, which gives the terms' sum */
export async function startTraining({ task, folder, plugins = [] }) {
  const gate = createGate();
  const config = configOf({ ...task, train: FOREVER }, [gate.plugin, ...plugins]);
  const host = await createHost({ config, base: builtIns });
  const first = gate.next();
  const directory = mkdtempSync(join(folder, 'run-'));
  const ended = runTraining({ host, id: 'bench', directory }).then(({ reason }) => {
    throw new Error(`the training ended: ${reason}`);
  });
  // It is heard at the next step; between steps nobody listens.
  ended.catch(() => undefined);
  const report = await Promise.race([first, ended]);
  const step = async () => termsOf(await Promise.race([gate.next(), ended]));
  return { value: termsOf(report), step };
}
