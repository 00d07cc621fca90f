import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../lib/command.mjs';
import { round } from '../lib/statistics.mjs';
import { trainByCommand } from './training-rows.mjs';

const parity = fileURLToPath(new URL('../engine/parity.mjs', import.meta.url));
const STEPS = 50;
const SHOWN = 5;

/** Loss and gradients of small networks against PyTorch in float64. */
function gradientsRow({ task }) {
  return {
    name: 'gradients',
    steps: 1,
    measure: async () => {
      let worst;
      const onLine = (line) => {
        if (line.startsWith('{')) worst = JSON.parse(line).worst;
      };
      const args = [parity, '--device', task.device, '--json'];
      const { outcome, reason, ms, peakMb } = await runCommand({ command: process.execPath, args, onLine });
      return {
        ours: { outcome, ...(reason ? { reason } : {}), worst, totalMs: round(ms ?? 0), peakMb: round(peakMb ?? 0, 1) },
      };
    },
  };
}

/** Fifty steps of the whole method: the supervised term must fall. */
function trainingRow({ task, folder }) {
  return {
    name: 'training-50',
    steps: STEPS,
    measure: async () => {
      const train = { epochs: 1, stepsPerEpoch: STEPS, validateEvery: 1 };
      const { report, steps } = await trainByCommand(
        { ...task, preset: 'dinomix' },
        train,
        join(folder, 'training-50'),
      );
      if (report.outcome !== 'done') return { ours: report };
      const supervised = steps.map(({ terms }) => terms['dice-ce'].value);
      const mean = (values) => round(values.reduce((sum, value) => sum + value, 0) / values.length, 4);
      const loss = { first: mean(supervised.slice(0, SHOWN)), last: mean(supervised.slice(-SHOWN)) };
      if (loss.last < loss.first) return { ours: { ...report, loss } };
      return { ours: { ...report, loss, outcome: 'failed', reason: 'the supervised loss did not fall' } };
    },
  };
}

/** What shows that another device than the CPU computes the same. */
export function deviceRows(setting) {
  return [gradientsRow(setting), trainingRow(setting)];
}
