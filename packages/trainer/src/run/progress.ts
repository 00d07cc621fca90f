import type { EpochReport, EvaluationReport, JsonObject, StepPosition, StepReport } from '@dinomix/core';
import { z } from 'zod';

/** Sums over the steps of an epoch. */
interface EpochSums {
  steps: number;
  loss: number;
  readonly terms: Record<string, number>;
}

/** What the loop remembers from step to step and over a restart. */
export interface Progress {
  /** The step that comes next. */
  step: number;
  /** Epochs that were evaluated, reported and checked for a stop. */
  closedEpochs: number;
  sums: EpochSums;
  best: { readonly value: number; readonly epoch: number } | null;
  /** Why the run stops before its last epoch; null while it goes on. */
  stopReason: string | null;
}

const schema = z.object({
  closedEpochs: z.int().min(0),
  sums: z.object({ steps: z.int(), loss: z.number(), terms: z.record(z.string(), z.number()) }),
  best: z.object({ value: z.number(), epoch: z.int() }).nullable(),
  stopReason: z.string().nullable(),
});

/** Progress of a new run. */
export function newProgress(): Progress {
  return {
    step: 0,
    closedEpochs: 0,
    sums: { steps: 0, loss: 0, terms: {} },
    best: null,
    stopReason: null,
  };
}

/** Progress as JSON, without the step, which a checkpoint has itself. */
export function progressToJson({ step: _step, ...rest }: Progress): JsonObject {
  return structuredClone(rest) as unknown as JsonObject;
}

/** The opposite of {@link progressToJson}. @throws ZodError when the JSON is something else. */
export function progressFromJson(json: JsonObject, step: number): Progress {
  return { step, ...schema.parse(json) };
}

/** Adds a step to the sums of its epoch. */
export function addStep(progress: Progress, { loss, terms }: StepReport): void {
  const { sums } = progress;
  sums.steps++;
  sums.loss += loss;
  for (const [name, { value }] of Object.entries(terms)) sums.terms[name] = (sums.terms[name] ?? 0) + value;
}

/** Means of the epoch so far. @param position - of its last step. */
export function epochReport(
  { sums }: Progress,
  position: StepPosition,
  learningRate: number,
  seconds: number,
  validation: EvaluationReport | null,
): EpochReport {
  const terms = Object.fromEntries(Object.entries(sums.terms).map(([name, total]) => [name, total / sums.steps]));
  return { position, loss: sums.loss / sums.steps, terms, learningRate, seconds, validation };
}
