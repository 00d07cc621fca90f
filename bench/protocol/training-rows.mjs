import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeProblem, runCommand } from '../lib/command.mjs';
import { SideEnded } from '../lib/participant.mjs';
import { round, summarise } from '../lib/statistics.mjs';
import { dinomixCommand } from './dinomix-command.mjs';
import { PRESETS } from './presets.mjs';
import { SIZES } from './sizes.mjs';

/** Filters of the network of every preset. */
const FILTERS = 32;

const script = fileURLToPath(new URL('material.mjs', import.meta.url));

/** Runs material.mjs. @returns the file that it wrote, and the value that it printed */
export async function makeMaterial(work, task, folder, name) {
  const [directory, first] = [join(folder, `material-${name}`), join(folder, `${name}.safetensors`)];
  mkdirSync(directory, { recursive: true });
  let value;
  const args = [script, work, JSON.stringify(task), directory, first];
  const onLine = (line) => {
    if (line.startsWith('{')) value = JSON.parse(line).value;
  };
  const { outcome, reason, peakMb } = await runCommand({ command: process.execPath, args, onLine });
  if (outcome !== 'done') {
    throw new SideEnded(`ours, first step for the comparison: ${reason}`, {
      outcome,
      reason,
      peakMb: round(peakMb ?? 0, 1),
    });
  }
  return { directory, first, value };
}

/** What the other side is told about the size. */
export function peerSize({ size }, threads, device) {
  const { network, volume, patch } = SIZES[size];
  return { filters: network.filters ?? FILTERS, volume, patch, threads, device };
}

/**
 * The trainer's own step beside the same algorithm in PyTorch. Both take turns; the first step of the peer has our first
 * crops, weights, tokens and boxes, without dropout, and must give the same terms.
 */
export function stepRows({ task, folder, threads, peerDevice }) {
  const row = (name, preset, { steps, block, peer }) => {
    const own = { ...task, preset };
    return {
      name,
      steps,
      block,
      inTurns: true,
      reportsEnds: true,
      // Float32 on both sides; a pseudo-label on the edge between two classes may fall to either.
      valueTolerance: 1e-3,
      ours: { task: own, folder },
      peer: { ...peerSize(task, threads, peerDevice), ...peer },
      extras: { peerSaving: { variant: 'saving', steps: 2 } },
      ...(peerDevice
        ? {
            prepare: async () => {
              const { first, value } = await makeMaterial('step', own, folder, name);
              return { peer: { first }, reference: value };
            },
          }
        : {}),
    };
  };
  const { vit } = SIZES[task.size];
  const dinomix = { labelled: 2, unlabelled: 2, tokenChannels: vit.channels, online: true };
  return [
    row('p1-supervised', 'supervised', { steps: 6, block: 3, peer: { labelled: 4 } }),
    row('p1-dinomix', 'dinomix', { steps: 4, block: 2, peer: dinomix }),
  ];
}

/** How a training ended: where it failed by itself, its last line says why. */
function endOf({ outcome, reason }, ended) {
  if (outcome === 'done') return { outcome };
  if (ended?.status !== 'failed') return { outcome, reason };
  return describeProblem([ended.error?.code, ended.reason].filter(Boolean).join(': '));
}

/** Steps and a validation through `dinomix train`, as a person would run it. */
export async function trainByCommand(task, train, out) {
  const steps = [];
  const cases = [];
  let ended;
  const onLine = (line) => {
    const event = JSON.parse(line);
    if (event.type === 'step') steps.push(event.report);
    if (event.type === 'case') cases.push(event.result);
    ended = event.outcome ?? ended;
  };
  const own = { ...task, train };
  const done = await dinomixCommand(['train', '--json', '--out', out], own, {
    onLine,
  });
  const { ms, peakMb, processes } = done;
  const times = steps.map(({ stepMs }) => stepMs);
  const report = {
    ...endOf(done, ended),
    peakMb: round(peakMb ?? 0, 1),
    processes,
    totalMs: round(ms ?? 0),
    ...(times.length > 2 ? summarise(times.slice(2)) : {}),
    firstStepsMs: times.slice(0, 2).map((time) => round(time)),
    validationMs: round(1000 * cases.reduce((sum, { seconds }) => sum + seconds, 0)),
  };
  return { report, steps, cases };
}

/** Every preset as shipped: ten steps and a validation of one case. */
export function presetRows({ task, folder }) {
  const { steps } = SIZES[task.size];
  return Object.keys(PRESETS).map((preset) => ({
    name: `preset-${preset}`,
    steps,
    measure: async () => {
      const train = { epochs: 1, stepsPerEpoch: steps, validateEvery: 1 };
      const { report } = await trainByCommand({ ...task, preset }, train, join(folder, `preset-${preset}`));
      return { ours: report };
    },
  }));
}
