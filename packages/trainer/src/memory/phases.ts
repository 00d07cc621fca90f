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
  /** Whether checkpoints are written while the step keeps its working memory. */
  readonly keepsWork: boolean;
  /** What is there all the time, by name. */
  readonly always: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
}

type Parts = Readonly<Record<string, number>>;

const total = (parts: Parts): number => Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);

/** Variables, crops and what graphs hand to one another. */
const TENSORS = 'weights, optimizer and crops';

/** What a backend calls that which it does not keep from call to call. */
const PASSING = new Set(['inputs', 'results']);

/**
 * Share by which an engine holds more than it has in use: memory between values of many sizes. Of 4 crops of 64x128x128 and 32
 * filters ONNX Runtime's arena held 6.97 GB for 5.23 GB in use.
 */
const SLACK = 0.3;

/** What a graph keeps for its next call, by what it held at its peak. */
function workOf({ parts }: MeasuredGraph): Parts {
  const work = Object.fromEntries(Object.entries(parts).filter(([name]) => !PASSING.has(name)));
  return { ...work, 'between values': SLACK * total(work) };
}

/** Tensors while a graph runs: its own and those that wait beside it. */
function tensorsOf({ parts, waiting }: MeasuredGraph): number {
  return waiting + (parts.inputs ?? 0) + (parts.results ?? 0);
}

function add(all: readonly Parts[]): Parts {
  const sums: Record<string, number> = {};
  for (const [name, bytes] of all.flatMap((parts) => Object.entries(parts))) sums[name] = (sums[name] ?? 0) + bytes;
  return sums;
}

function largest(all: readonly Parts[]): Parts {
  return all.reduce((a, b) => (total(b) > total(a) ? b : a));
}

/**
 * What each part of the work holds at most. The graphs of a step keep their working memory from step to step, beside one
 * another; before and after an evaluation it is given back. Those of passes take turns, but tensors that nobody needs any
 * more wait for the garbage collector and take about as much.
 */
function phasesOf({ step, evaluation, sums, variables, keepsWork }: TrainingMemory): Readonly<Record<string, Parts>> {
  const work = add(step.map(workOf));
  return {
    'training step': add([work, { [TENSORS]: Math.max(...step.map(tensorsOf)) }]),
    evaluation: add([workOf(evaluation), { [TENSORS]: tensorsOf(evaluation), 'sums and labels of a volume': sums }]),
    // The values are copied to the host before they are written.
    checkpoint: add([keepsWork ? work : {}, { [TENSORS]: variables, 'copy to write': variables }]),
  };
}

/**
 * Joins what was measured. The parts of the work take turns: at any time there is what is there all the time, and the largest
 * of the parts at most.
 */
export function joinPhases(memory: TrainingMemory): MemoryEstimate {
  const { always, notes } = memory;
  const phases = Object.entries(phasesOf(memory)).map(([name, parts]) => [name, { ...always, ...parts }] as const);
  const parts = largest(phases.map(([, own]) => own));
  return {
    peak: total(parts),
    phases: Object.fromEntries(phases.map(([name, parts]) => [name, total(parts)])),
    parts,
    notes,
  };
}
