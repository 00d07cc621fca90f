import { jsonDifferences, shellWord } from '@dinomix/core';
import { usageError } from '../errors.js';
import { columnHeading } from './heading.js';
import type { EvaluatedRun } from './read-run.js';

/** What two rows must share to stand in one table. */
export function protocolOf({ dataset, grid, report }: EvaluatedRun): string {
  const compared = `compared on ${grid}`;
  return [dataset, `split ${report.role}`, ...report.columns.map(columnHeading), compared].join('; ');
}

const MOST_NAMED = 5;

/** The first of many names. */
export function someOf(names: readonly string[]): string {
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : '';
  return `${names.slice(0, MOST_NAMED).join(', ')}${more}`;
}

function refuse(problem: string, cure: string): never {
  throw usageError('DMX_TABLE_PROTOCOL', { problem, cure });
}

/** @throws DMX_TABLE_PROTOCOL where a run is named twice or was repeated, which would count as two. */
function assertDistinct(runs: readonly EvaluatedRun[]): void {
  for (const [index, run] of runs.entries()) {
    const earlier = runs.slice(0, index).find(({ method, seed }) => method === run.method && seed === run.seed);
    if (earlier === undefined) continue;
    const problem =
      earlier.directory === run.directory
        ? `${run.directory} is named twice, and means and deviations are over different runs`
        : `${earlier.directory} and ${run.directory} are both "${run.method}" with seed ${run.seed}, and means and deviations are over seeds`;
    refuse(problem, 'Name every run once, and one run for each seed.');
  }
}

/** @throws DMX_TABLE_PROTOCOL where runs were evaluated differently or on other data. */
function assertOneProtocol(runs: readonly EvaluatedRun[]): void {
  const [first] = runs;
  for (const run of runs) {
    if (protocolOf(run) !== protocolOf(first!)) {
      const problem = `${first!.directory}: ${protocolOf(first!)}. ${run.directory}: ${protocolOf(run)}`;
      refuse(problem, 'Make one table for each, or evaluate the runs alike.');
    }
    if (run.data !== first!.data) {
      const problem = `${first!.directory} and ${run.directory} are of "${run.dataset}" both, but their classes, splits or files differ`;
      refuse(problem, 'Make one table for each data set.');
    }
    const different = jsonDifferences(first!.evaluated, run.evaluated);
    if (different.length > 0) {
      const problem = `${first!.directory} and ${run.directory} were evaluated on other images or labels of ${someOf(different)}`;
      refuse(problem, 'Evaluate both again with "dinomix eval", on the same files.');
    }
  }
}

/** @throws DMX_TABLE_PROTOCOL where the runs of one name are not repetitions of one experiment. */
function assertOneMethod(runs: readonly EvaluatedRun[]): void {
  const [first] = runs;
  for (const run of runs.slice(1)) {
    const different = jsonDifferences(first!.settings, run.settings);
    if (different.length > 0) {
      const problem = `${first!.directory} and ${run.directory} are both "${run.method}" and differ in more than their seed: ${someOf(different)}`;
      refuse(problem, 'Leave one of them out, or give each method a name of its own in the config and train again.');
    }
    if (first!.report.checkpoint !== run.report.checkpoint || first!.report.weights !== run.report.weights) {
      const which = ({ report }: EvaluatedRun) => `the ${report.checkpoint} checkpoint, weights of ${report.weights}`;
      const problem = `${first!.directory} was evaluated with ${which(first!)}, ${run.directory} with ${which(run)}`;
      refuse(problem, 'Evaluate both alike, with the option --checkpoint of "dinomix eval".');
    }
  }
  const unfinished = runs.find((run) => !isFinished(run));
  if (runs.length < 2 || unfinished === undefined) return;
  const problem = `${unfinished.directory} did not come to its end (${unfinished.status ?? 'no outcome'}), and would be averaged with runs that did`;
  refuse(problem, `Go on with it (npx dinomix resume ${shellWord(unfinished.directory)}), or leave it out.`);
}

/** Whether a run was trained to its end. */
export function isFinished({ status }: EvaluatedRun): boolean {
  return status === 'completed' || status === 'stopped';
}

/** Runs by method, in the order in which the methods first come. */
export function byMethod(runs: readonly EvaluatedRun[]): ReadonlyMap<string, readonly EvaluatedRun[]> {
  const groups = new Map<string, EvaluatedRun[]>();
  for (const run of runs) groups.set(run.method, [...(groups.get(run.method) ?? []), run]);
  return groups;
}

/**
 * Refuses runs whose numbers mean different things, and averages over anything but seeds.
 * @throws DMX_TABLE_PROTOCOL
 */
export function assertOneTable(runs: readonly EvaluatedRun[]): void {
  assertDistinct(runs);
  assertOneProtocol(runs);
  for (const group of byMethod(runs).values()) assertOneMethod(group);
}
