import type { MemoryEstimate } from '@dinomix/core';
import type { MeasuredGraph } from './measuring-session.js';

/** What a training takes, by what takes it; bytes. */
export interface TrainingMemory {
  /** The graphs of one step. */
  readonly step: readonly MeasuredGraph[];
  /** The network on a batch of windows. */
  readonly evaluation: MeasuredGraph;
  /** What an evaluation takes beside its network. */
  readonly sums: number;
  /** Weights, optimizer state and teachers. */
  readonly variables: number;
  /** What is there all the time, by name. */
  readonly always: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
}

type Parts = Readonly<Record<string, number>>;

const total = (parts: Parts): number => Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);

const VARIABLES = 'weights and optimizer';

/** Adds what waits beside a graph to what it holds itself. */
function withWaiting({ parts, waiting }: MeasuredGraph): Parts {
  return { ...parts, [VARIABLES]: (parts[VARIABLES] ?? 0) + waiting };
}

function phasesOf({ step, evaluation, sums, variables }: TrainingMemory): Readonly<Record<string, Parts>> {
  const graphs = step.map((graph): [string, Parts] => {
    const name = graph.outputs.includes('numbers') ? 'training step' : 'teachers before the step';
    return [name, withWaiting(graph)];
  });
  return {
    ...Object.fromEntries(graphs),
    evaluation: { ...withWaiting(evaluation), 'sums of windows': sums },
    // The values are copied to the host before they are written.
    checkpoint: { [VARIABLES]: variables, 'copy to write': variables },
  };
}

/**
 * Joins what was measured. The parts of the work take turns: at any time there is what is there all the time, and the largest
 * of the parts at most.
 */
export function joinPhases(memory: TrainingMemory): MemoryEstimate {
  const { always, notes } = memory;
  const phases = Object.entries(phasesOf(memory)).map(([name, parts]) => [name, { ...always, ...parts }] as const);
  const [, largest] = phases.reduce((a, b) => (total(b[1]) > total(a[1]) ? b : a));
  return {
    peak: total(largest),
    phases: Object.fromEntries(phases.map(([name, parts]) => [name, total(parts)])),
    parts: largest,
    notes,
  };
}
