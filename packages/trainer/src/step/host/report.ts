import type { Batch, NamedTensors, Reported, StepPosition, StepReport, ViewName } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { trainerError } from '../../errors.js';
import { addCounts, hardDice, readCounts, type ViewCounts } from '../graph/counts.js';
import type { TraceNotes } from '../graph/evaluate-step.js';
import { unpackNumbers } from '../graph/numbers.js';
import { countsName, REPORT, termParts, termValue, weightsName } from '../names.js';
import type { StepParts } from '../parts.js';

/** What is known about a step besides the numbers that it computed. */
export interface StepFacts {
  readonly position: StepPosition;
  readonly learningRate: number;
  /** Weight of each loss in this step, by loss id. */
  readonly lossWeights: Readonly<Record<string, number>>;
  readonly stepMs: number;
  /** What parts outside the graph reported. */
  readonly reports: StepReport['reports'];
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

/** What parts reported, by owner and name. */
function reportsOf(numbers: Numbers, units: TraceNotes['units']): StepReport['reports'] {
  const reports: Record<string, Record<string, Reported>> = {};
  for (const [name, unit] of Object.entries(units)) {
    const values = numbers.get(name);
    const [owner, own] = splitReport(name);
    if (values !== undefined) reports[owner] = { ...reports[owner], [own]: { unit, values: [...values] } };
  }
  return reports;
}

/** Reports as tensors, read. */
export function readReports(tensors: NamedTensors<Tensor>, units: TraceNotes['units']): StepReport['reports'] {
  const numbers = Object.keys(units).map((name) => [name, Float32Array.from(tensors[name]!.dataSync())] as const);
  return reportsOf(new Map(numbers), units);
}

/** Owner and name of a report: the last part is the name. */
function splitReport(name: string): readonly [owner: string, name: string] {
  const at = name.lastIndexOf('/');
  return [name.slice(REPORT.length, at), name.slice(at + 1)];
}

/** Class weights that acted, by student id. */
function classWeightsOf(students: StepParts['students'], numbers: Numbers): StepReport['classWeights'] {
  const given = students.flatMap(({ id }) => {
    const weights = numbers.get(weightsName(id));
    return weights === undefined ? [] : [[id, [...weights]] as const];
  });
  return Object.fromEntries(given);
}

/** Makes the report of a step out of its packed numbers. */
export function readStep(parts: StepParts, data: Float32Array, notes: TraceNotes, facts: StepFacts): StepReport {
  const { classCount, students } = parts;
  const views = parts.views.map(({ name }) => name);
  const numbers = unpackNumbers(data, notes.layout);
  const counts = students.map(({ id }) => [id, countsOf(id, views, numbers, classCount)] as const);
  const all = addCounts(
    counts.flatMap(([, found]) => [...found.values()]),
    classCount,
  );
  const dice = counts.map(([id, found]) => [id, hardDice(addCounts([...found.values()], classCount))] as const);
  const { lossWeights, reports, ...told } = facts;
  return {
    ...told,
    loss: numbers.get('loss')![0]!,
    terms: termsOf(parts, numbers, notes.weights, lossWeights),
    classWeights: classWeightsOf(students, numbers),
    pseudoDice: Object.fromEntries(dice),
    targetVoxels: { truth: all.truth, pseudo: all.pseudo },
    reports: { ...reports, ...reportsOf(numbers, notes.units) },
  };
}

/** @throws DMX_PART_NOT_FINITE naming the selector or weighters whose numbers are not: the loss is not finite because of them. */
function assertPartsFinite(report: StepReport, checkpoint: string): void {
  const { step, epoch } = report.position;
  const broken = (values: readonly number[]) => values.some((value) => !Number.isFinite(value));
  const refuse = (key: string, what: string, values: readonly number[]): never => {
    const details = { step, epoch, key, what, values: values.join(', '), checkpoint };
    throw trainerError('DMX_PART_NOT_FINITE', details, { phase: 'run', epoch, step });
  };
  for (const [owner, reports] of Object.entries(report.reports)) {
    for (const [name, { values }] of Object.entries(reports)) {
      if (owner.startsWith('selector:') && broken(values)) refuse(owner, `weights ("${name}")`, values);
    }
  }
  for (const [student, weights] of Object.entries(report.classWeights)) {
    if (broken(weights) || weights.some((value) => value < 0)) {
      refuse(`a weighter of student "${student}"`, 'class weights below 0 or', weights);
    }
  }
}

/** @throws DMX_LOSS_NOT_FINITE naming the terms and the cases of the step. */
export function assertFinite(report: StepReport, batch: Batch, donors: readonly string[], checkpoint: string): void {
  assertPartsFinite(report, checkpoint);
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
