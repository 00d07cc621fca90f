import type { Batch, StepPosition, StepReport, StudentEvidence, ViewName } from '@dinomix/core';
import { trainerError } from '../../errors.js';
import { addCounts, hardDice, readCounts, type ViewCounts } from '../graph/counts.js';
import { unpackNumbers } from '../graph/numbers.js';
import type { TraceNotes } from '../graph/views-in-tape.js';
import { countsName, predictedName, termParts, termValue } from '../names.js';
import type { StepParts } from '../parts.js';

/** What is known about a step besides the numbers that it computed. */
export interface StepFacts {
  readonly position: StepPosition;
  readonly learningRate: number;
  /** Weight of each loss in this step, by loss id. */
  readonly lossWeights: Readonly<Record<string, number>>;
  readonly stepMs: number;
  readonly classWeights: Readonly<Record<string, readonly number[]>>;
  readonly mixers: StepReport['mixers'];
}

/** A report and what the weighters of the next step may look at. */
export interface ReadStep {
  readonly report: StepReport;
  readonly evidence: Readonly<Record<string, StudentEvidence>>;
}

type Numbers = ReadonlyMap<string, Float32Array>;

function termsOf(
  parts: StepParts,
  numbers: Numbers,
  changed: TraceNotes['weights'],
  lossWeights: StepFacts['lossWeights'],
): StepReport['terms'] {
  const terms: Record<string, { value: number; weight: number; parts: Record<string, number> }> = {};
  for (const { id: lossId } of parts.losses) {
    for (const { id: studentId } of parts.students) {
      const name = termValue(lossId, studentId);
      const value = numbers.get(name)?.[0];
      if (value === undefined) continue;
      const prefix = termParts(lossId, studentId);
      const own = [...numbers].filter(([key]) => key.startsWith(prefix));
      const key = parts.students.length === 1 ? lossId : `${lossId}/${studentId}`;
      const partValues = Object.fromEntries(own.map(([part, [number]]) => [part.slice(prefix.length), number!]));
      terms[key] = { value, weight: changed[name] ?? lossWeights[lossId]!, parts: partValues };
    }
  }
  return terms;
}

function countsOf(studentId: string, views: readonly ViewName[], numbers: Numbers, classCount: number) {
  const found = new Map<ViewName, ViewCounts>();
  for (const view of views) {
    const matrix = numbers.get(countsName(studentId, view));
    if (matrix !== undefined) found.set(view, readCounts(matrix, classCount));
  }
  return found;
}

/** Makes the report of a step out of its packed numbers. */
export function readStep(parts: StepParts, data: Float32Array, notes: TraceNotes, facts: StepFacts): ReadStep {
  const { classCount, views, students } = parts;
  const numbers = unpackNumbers(data, notes.layout);
  const counts = students.map(({ id }) => [id, countsOf(id, views, numbers, classCount)] as const);
  const all = addCounts(
    counts.flatMap(([, found]) => [...found.values()]),
    classCount,
  );
  const evidence = counts.map(([id, found]): [string, StudentEvidence] => {
    const labelled = found.get('labelled');
    const unlabelled = found.get('unlabelled')?.predicted ?? numbers.get(predictedName(id, 'unlabelled'));
    return [
      id,
      {
        unlabelledVoxels: unlabelled === undefined ? null : [...unlabelled],
        labelledDice: labelled === undefined ? new Array<null>(classCount).fill(null) : hardDice(labelled),
      },
    ];
  });
  const dice = counts.map(([id, found]) => [id, hardDice(addCounts([...found.values()], classCount))] as const);
  const { lossWeights, ...told } = facts;
  const report: StepReport = {
    ...told,
    loss: numbers.get('loss')![0]!,
    terms: termsOf(parts, numbers, notes.weights, lossWeights),
    pseudoDice: Object.fromEntries(dice),
    targetVoxels: { truth: all.truth, pseudo: all.pseudo },
  };
  return { report, evidence: Object.fromEntries(evidence) };
}

/** @throws DMX_LOSS_NOT_FINITE naming the terms and the cases of the step. */
export function assertFinite(report: StepReport, batch: Batch, donors: readonly string[], checkpoint: string): void {
  const { loss, terms, position } = report;
  const broken = [loss, ...Object.values(terms).map(({ value }) => value)].some((value) => !Number.isFinite(value));
  if (!broken) return;
  const cases = [...batch.labelled.crops, ...(batch.unlabelled?.crops ?? [])].map(({ caseId }) => caseId);
  const values = Object.entries(terms).map(([id, { value, weight }]) => `${id} ${value} (weight ${weight})`);
  const details = {
    step: position.step,
    epoch: position.epoch,
    loss: String(loss),
    terms: values.join(', '),
    cases: [...new Set([...cases, ...donors])].join(', '),
    checkpoint,
  };
  throw trainerError('DMX_LOSS_NOT_FINITE', details, { phase: 'run', epoch: position.epoch, step: position.step });
}
