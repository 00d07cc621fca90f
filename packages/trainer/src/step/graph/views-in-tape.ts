import type { NamedTensors, StudentOutput } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { LossViewTensors, StudentResult } from '../../types.js';
import {
  bufferName,
  countsName,
  isTerm,
  logitsName,
  predictedName,
  studentVariable,
  termParts,
  termValue,
} from '../names.js';
import type { StudentPart } from '../parts.js';
import { gatherAnswers } from './answers.js';
import { countPredictions, countVoxels } from './counts.js';
import { extendContext, graphContext, type StepEnvironment } from './environment.js';
import { evaluateLosses, reduceLosses } from './loss-terms.js';
import { createPacker, type NumbersLayout } from './numbers.js';
import type { Taped } from './tape.js';
import { askTracedTeachers } from './teachers.js';
import { buildViews, type UnseenView } from './views.js';

/** What a trace tells about itself. */
export interface TraceNotes {
  readonly layout: NumbersLayout;
  /** Weights that a hook changed, by {@link termValue}. */
  readonly weights: Readonly<Record<string, number>>;
}

/** Each student with the views that it has in this step. */
export type StudentViews = readonly (readonly [StudentPart, readonly UnseenView[]])[];

/** Takes the new value of a buffer of a student. */
export type OnBuffer = (name: string, value: Tensor) => void;

/** What a student says about its views, one output for each. */
export type OutputsOf = (
  student: StudentPart,
  unseen: readonly UnseenView[],
  onBuffer: OnBuffer,
) => readonly StudentResult[];

/** The views of every student, with what the teachers say about them. */
export function viewsOfStudents(tensors: NamedTensors<Tensor>, env: StepEnvironment): StudentViews {
  const { parts } = env;
  const answers = { ...gatherAnswers(tensors), ...askTracedTeachers(tensors, env) };
  const material = { crops: env.crops, onLook: env.onLook };
  return parts.students.map(
    (student) => [student, buildViews(parts.views, student.id, tensors, answers, material)] as const,
  );
}

/** Completes a view with what the student says about it. */
export function seenView(view: UnseenView, { logits, features }: StudentOutput<Tensor>): LossViewTensors {
  return Object.defineProperties({ logits, features }, Object.getOwnPropertyDescriptors(view)) as LossViewTensors;
}

/** The same, as the hook leaves it. */
function look(
  student: StudentPart,
  view: UnseenView,
  output: StudentOutput<Tensor>,
  env: StepEnvironment,
): LossViewTensors {
  const { studentForward } = env.hooks;
  const ctx = () => extendContext(graphContext('hook', env), { studentId: student.id, view: view.name });
  return seenView(view, studentForward.isUsed() ? studentForward.call(output, ctx()) : output);
}

/** Everything inside the tape. The extras hold terms, logits and buffers under their names. */
export function evaluateStudents(
  views: StudentViews,
  tensors: NamedTensors<Tensor>,
  env: StepEnvironment,
  outputsOf: OutputsOf,
  notes: Record<string, number>,
): Taped {
  const extras: Record<string, Tensor> = {};
  const terms = views.flatMap(([student, unseen]) => {
    const onBuffer: OnBuffer = (name, value) => {
      extras[bufferName(student.id, name)] = value;
    };
    const outputs = outputsOf(student, unseen, onBuffer);
    const seen = unseen.map((view, index) => look(student, view, outputs[index]!, env));
    for (const view of seen) extras[logitsName(student.id, view.name)] = view.logits;
    return evaluateLosses(student, seen, tensors, env, onBuffer);
  });
  const reduced = reduceLosses(terms, tensors, env);
  for (const { id, studentId, value, weight, parts } of reduced.terms) {
    extras[termValue(id, studentId)] = value;
    for (const [part, number] of Object.entries(parts)) extras[termParts(id, studentId) + part] = number;
    if (weight !== env.lossWeights[id]) notes[termValue(id, studentId)] = weight;
  }
  return { loss: reduced.total, extras };
}

/** Everything that a step reports, in one tensor. */
export function packNumbers(
  { loss, extras }: Taped,
  views: StudentViews,
  classCount: number,
): { readonly packed: Tensor; readonly layout: NumbersLayout } {
  const packer = createPacker();
  packer.add('loss', loss);
  for (const [name, value] of Object.entries(extras)) if (isTerm(name)) packer.add(name, value);
  for (const [{ id }, seen] of views) {
    for (const { name, target, truth } of seen) {
      const logits = extras[logitsName(id, name)]!;
      if (target === null) packer.add(predictedName(id, name), countPredictions(logits, classCount));
      else packer.add(countsName(id, name), countVoxels(logits, target, truth, classCount));
    }
  }
  return packer.pack();
}

/** The variables of all students that gradients reach and whose names `wanted` takes, by variable name. */
export function trainableOf(
  parts: StepEnvironment['parts'],
  tensors: NamedTensors<Tensor>,
  wanted: (student: StudentPart, name: string) => boolean = () => true,
): NamedTensors<Tensor> {
  const names = parts.students.flatMap((student) =>
    student.specs
      .filter(({ name, trainable }) => trainable && wanted(student, name))
      .map(({ name }) => studentVariable(student.id, name)),
  );
  return Object.fromEntries(names.map((name) => [name, tensors[name]!]));
}
