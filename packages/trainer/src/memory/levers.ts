import type { Host, ResolvedConfig } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { createOps } from '../ops/create-ops.js';
import { buildNetworks } from '../run/build-networks.js';
import { type EstimateOptions, estimateMemory } from './estimate.js';

/** A setting that takes less memory one notch further. */
export interface Lever {
  /** What a person adds to the command line. */
  readonly overrides: readonly string[];
}

/** A lever with what it would bring. */
export interface WeighedLever extends Lever {
  /** Expected peak with this lever alone, bytes. */
  readonly peak: number;
  /** Bytes less than without it. */
  readonly saves: number;
}

/** Sets up the config with more overrides. Its owner disposes it. */
export type OpenVariant = (overrides: readonly string[]) => Promise<Host<Tensor>>;

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function leastCommonMultiple(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => (a * b) / greatestCommonDivisor(a, b), 1);
}

/** Half the filters of every student that has some. */
function fewerFilters({ use, plugins }: ResolvedConfig): Lever | null {
  const overrides = use.student.flatMap((id) => {
    const filters = plugins.find((plugin) => plugin.id === `student:${id}`)?.options.filters;
    return typeof filters === 'number' && filters >= 2
      ? [`--set student.${id}.filters=${Math.floor(filters / 2)}`]
      : [];
  });
  return overrides.length === 0 ? null : { overrides };
}

/** Three quarters of each side of the crop, in multiples that every network takes. */
function smallerPatch({ train }: ResolvedConfig, multiples: readonly (readonly number[])[]): Lever | null {
  const patch = train.patch.map((side, axis) => {
    const multiple = leastCommonMultiple(multiples.map((one) => one[axis]!));
    return Math.max(multiple, Math.floor((0.75 * side) / multiple) * multiple);
  });
  if (patch.every((side, axis) => side >= train.patch[axis]!)) return null;
  return { overrides: [`--set train.patch=${JSON.stringify(patch)}`] };
}

/** Half the crops of each kind. */
function smallerBatch({ train }: ResolvedConfig): Lever | null {
  const { labelled, unlabelled } = train.batch;
  const [fewer, fewerUnlabelled] = [Math.ceil(labelled / 2), Math.ceil(unlabelled / 2)];
  const overrides = [
    ...(fewer < labelled ? [`--set train.batch.labelled=${fewer}`] : []),
    ...(fewerUnlabelled < unlabelled ? [`--set train.batch.unlabelled=${fewerUnlabelled}`] : []),
  ];
  return overrides.length === 0 ? null : { overrides };
}

/** Passes of fewer crops, one after the other. */
function smallerPasses({ train }: ResolvedConfig): readonly Lever[] {
  const notches = ['together', 'by-view', 'by-crop'] as const;
  const further = notches.slice(notches.indexOf(train.passes) + 1);
  return further.map((passes) => ({ overrides: [`--set train.passes=${passes}`] }));
}

/** One window at a time in evaluation. */
function fewerWindows({ inference }: ResolvedConfig): Lever | null {
  return inference.batch > 1 ? { overrides: ['--set inference.batch=1'] } : null;
}

/** The levers that a config has, each one notch further. Nothing is measured. */
export async function leversOf({ host, session, directory }: EstimateOptions): Promise<readonly Lever[]> {
  await using run = host.createRun({ id: 'levers', directory });
  const { config } = run;
  const classCount = (await run.resolve('dataset'))[0]!.value.classes.length;
  const networks = await buildNetworks(run, createOps(session.ops), classCount);
  const multiples = networks.map(({ model }) => model.multiple);
  const levers = [fewerFilters(config), smallerPatch(config, multiples), smallerBatch(config), fewerWindows(config)];
  return [...levers.filter((lever) => lever !== null), ...smallerPasses(config)];
}

/**
 * Judges the memory with each lever alone, the largest saving first. One that makes a config which its plugins refuse, or
 * saves nothing, is left out.
 */
export async function weighLevers(
  options: EstimateOptions,
  peak: number,
  open: OpenVariant,
): Promise<readonly WeighedLever[]> {
  const weighed: WeighedLever[] = [];
  for (const lever of await leversOf(options)) {
    const other = await judge(options, lever, open).catch(() => null);
    if (other !== null && other < peak) weighed.push({ ...lever, peak: other, saves: peak - other });
  }
  return weighed.sort((a, b) => b.saves - a.saves);
}

async function judge(options: EstimateOptions, { overrides }: Lever, open: OpenVariant): Promise<number | null> {
  await using host = await open(overrides);
  return (await estimateMemory({ ...options, host }))?.peak ?? null;
}
