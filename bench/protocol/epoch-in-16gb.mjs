/**
 * One epoch of `preset-dinomix` at its own size with its validation, the export and the prediction of a CT inside a limit of
 * memory: node bench/protocol/epoch-in-16gb.mjs [--limit-gb 16] [--preset dinomix] [--steps 20]. Exit 1 beyond the limit.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openCgroup } from '../lib/cgroup.mjs';
import { endTogether } from '../lib/command.mjs';
import { formatTable } from '../lib/table.mjs';
import { openData } from './data.mjs';
import { dinomixCommand } from './dinomix-command.mjs';
import { PRESETS } from './presets.mjs';
import { SIZES } from './sizes.mjs';

const GB = 2 ** 30;

function readArguments() {
  const { values } = parseArgs({
    options: {
      'limit-gb': { type: 'string', default: '16' },
      preset: { type: 'string', default: 'dinomix' },
      steps: { type: 'string', default: '20' },
      // `tiny` shows that the script runs.
      size: { type: 'string', default: 'real' },
    },
  });
  const [limit, steps, { preset, size }] = [Number(values['limit-gb']), Number(values.steps), values];
  if (!(limit > 0)) throw new Error(`--limit-gb ${values['limit-gb']}: a number above 0 is needed`);
  if (!Number.isInteger(steps) || steps < 1)
    throw new Error(`--steps ${values.steps}: a positive whole number is needed`);
  if (!Object.hasOwn(PRESETS, preset))
    throw new Error(`--preset ${preset}: the presets are ${Object.keys(PRESETS).join(', ')}`);
  if (!Object.hasOwn(SIZES, size)) throw new Error(`--size ${size}: the sizes are ${Object.keys(SIZES).join(', ')}`);
  return { limit, steps, preset, size };
}

/** The commands of the phases, in order. */
function phasesOf(folder, scan) {
  const run = join(folder, 'run');
  return [
    { name: 'train and validate', args: ['train', '--out', run], config: true },
    { name: 'export', args: ['export', run], config: false },
    { name: 'predict', args: ['predict', scan, '--run', run, '--out', join(folder, 'labels.nii.gz')], config: false },
  ];
}

/** Runs the phases until one does not end well. @returns a row of the table for each, and what went wrong */
async function runPhases(phases, task, cgroup, limit) {
  const rows = [];
  for (const { name, args, config } of phases) {
    console.error(`${name} ...`);
    const end = await dinomixCommand(args, task, { config, ...(cgroup ? { enter: cgroup.enter } : {}) });
    const gigabytes = (end.peakMb ?? 0) / 1024;
    const beyond = gigabytes > limit;
    const outcome = end.outcome === 'done' && beyond ? 'beyond the limit' : end.outcome;
    rows.push([name, ((end.ms ?? 0) / 1000).toFixed(0), gigabytes.toFixed(2), end.processes ?? '', outcome]);
    if (outcome !== 'done') return { rows, problem: `${name}: ${end.reason ?? outcome}` };
  }
  return { rows };
}

async function main() {
  const { limit, steps, preset, size } = readArguments();
  const { data, scan } = await openData(size, console.error);
  const folder = mkdtempSync(join(tmpdir(), 'dinomix-bench-'));
  const cgroup = openCgroup(Math.floor(limit * GB));
  try {
    const task = { preset, size, device: 'cpu', data, train: { epochs: 1, stepsPerEpoch: steps, validateEvery: 1 } };
    const { rows, problem } = await runPhases(phasesOf(folder, scan), task, cgroup, limit);
    const kind = cgroup
      ? `the kernel holds every phase to ${limit} GB (${cgroup.kind}, no swap)`
      : `no cgroup may be made here: the peaks of all processes of a phase, summed, are compared with ${limit} GB`;
    console.log(`preset-${preset}, one epoch of ${steps} steps; ${kind}\n`);
    console.log(formatTable(['phase', 's', 'peak GB', 'processes', 'end'], rows));
    if (problem === undefined) return;
    console.error(`\n${problem}`);
    process.exitCode = 1;
  } finally {
    await cgroup?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

endTogether();
try {
  await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
