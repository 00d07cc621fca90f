import type { NamedTensors, StudentOutput } from '@dinomix/core';
import { clone, type Tensor } from '@tensorflow/tfjs-core';
import { trainerError } from '../errors.js';
import type { LossViewTensors } from '../types.js';
import { type Answers, gatherAnswers } from './answers.js';
import { countPredictions, countVoxels } from './counts.js';
import { extendContext, graphContext, type StepEnvironment } from './environment.js';
import { evaluateLosses, reduceLosses } from './loss-terms.js';
import { createPacker, type NumbersLayout } from './numbers.js';
import { type StudentPart, studentVariable } from './parts.js';
import { createPass, forwardTogether } from './students.js';
import { differentiate, type Taped } from './tape.js';
import { askTracedTeachers } from './teachers.js';
import { updateStudent, updateTeachers } from './updates.js';
import { buildViews, type UnseenView } from './views.js';

/** Key of a term in the numbers of a step. */
export function termName(lossId: string, studentId: string): string {
  return `term/${lossId}/${studentId}`;
}

/** What a trace tells about itself. */
export interface TraceNotes {
  readonly layout: NumbersLayout;
  /** Weights that a hook changed, by {@link termName}. */
  readonly weights: Readonly<Record<string, number>>;
}

type StudentViews = readonly (readonly [StudentPart, readonly UnseenView[]])[];

/** Everything inside the tape. The extras hold terms, logits and buffers under their names. */
function forward(
  views: StudentViews,
  tensors: NamedTensors<Tensor>,
  env: StepEnvironment,
  notes: Record<string, number>,
): Taped {
  const extras: Record<string, Tensor> = {};
  const terms = views.flatMap(([student, unseen]) => {
    const onBuffer = (name: string, value: Tensor): void => {
      extras[`buffer/${student.id}/${name}`] = value;
    };
    const pass = createPass(student.id, true, tensors.key!, onBuffer);
    const images = unseen.map(({ image }) => image);
    const outputs = forwardTogether(student, images, tensors, pass, env.parts.classCount, env.moment);
    const seen = unseen.map((view, index) => look(student, view, outputs[index]!, env));
    for (const view of seen) extras[`logits/${student.id}/${view.name}`] = view.logits;
    return evaluateLosses(student, seen, tensors, env, onBuffer);
  });
  const reduced = reduceLosses(terms, tensors, env);
  for (const { id, studentId, value, weight, parts } of reduced.terms) {
    const name = termName(id, studentId);
    extras[`${name}/value`] = value;
    for (const [part, number] of Object.entries(parts)) extras[`${name}/part/${part}`] = number;
    if (weight !== env.lossWeights[id]) notes[name] = weight;
  }
  return { loss: reduced.total, extras };
}

/** Completes a view with what the student says about it, as the hook leaves it. */
function look(
  student: StudentPart,
  view: UnseenView,
  output: StudentOutput<Tensor>,
  env: StepEnvironment,
): LossViewTensors {
  const { studentForward } = env.hooks;
  const ctx = () => extendContext(graphContext('hook', env), { studentId: student.id, view: view.name });
  const { logits, features } = studentForward.isUsed() ? studentForward.call(output, ctx()) : output;
  return Object.defineProperties({ logits, features }, Object.getOwnPropertyDescriptors(view)) as LossViewTensors;
}

function trainableOf(parts: StepEnvironment['parts'], tensors: NamedTensors<Tensor>): NamedTensors<Tensor> {
  const names = parts.students.flatMap(({ id, specs }) =>
    specs.filter(({ trainable }) => trainable).map(({ name }) => studentVariable(id, name)),
  );
  return Object.fromEntries(names.map((name) => [name, tensors[name]!]));
}

function own(prefix: string, tensors: NamedTensors<Tensor>): NamedTensors<Tensor> {
  const entries = Object.entries(tensors).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]));
}

/** New values of students and teachers, by variable name. Each is a tensor of its own. */
function updates(
  gradients: NamedTensors<Tensor>,
  extras: NamedTensors<Tensor>,
  tensors: NamedTensors<Tensor>,
  env: StepEnvironment,
): NamedTensors<Tensor> {
  const students = env.parts.students.map((student) => {
    const reached = own(studentVariable(student.id, ''), gradients);
    if (Object.keys(reached).length === 0) throw trainerError('DMX_GRADIENT_NONE', { studentId: student.id });
    return updateStudent(student, reached, own(`buffer/${student.id}/`, extras), tensors, env);
  });
  const updated = Object.assign({}, ...students) as NamedTensors<Tensor>;
  const all = { ...updated, ...updateTeachers(tensors, updated, env) };
  // A plugin may hand back a tensor that it was given; the caller disposes old and new values apart from each other.
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, clone(value)]));
}

function pack(
  loss: Tensor,
  extras: NamedTensors<Tensor>,
  views: StudentViews,
  classCount: number,
): { readonly packed: Tensor; readonly layout: NumbersLayout } {
  const packer = createPacker();
  packer.add('loss', loss);
  for (const [name, value] of Object.entries(extras)) if (name.startsWith('term/')) packer.add(name, value);
  for (const [{ id }, seen] of views) {
    for (const { name, target, truth } of seen) {
      const logits = extras[`logits/${id}/${name}`]!;
      if (target === null) packer.add(`predicted/${id}/${name}`, countPredictions(logits, classCount));
      else packer.add(`counts/${id}/${name}`, countVoxels(logits, target, truth, classCount));
    }
  }
  return packer.pack();
}

/**
 * The graph of one training step: a function of tensors alone. Its inputs are the variables, the batch and the numbers of
 * the step; its outputs are the new values of the variables under their names and `numbers`, which holds everything that is
 * reported.
 * @param environment - what the graph is made from; asked for at each trace.
 * @param onTrace - called whenever the function really runs, which is not at every step where a backend replays it.
 */
export function createTrainGraph(
  environment: () => StepEnvironment,
  onTrace: (notes: TraceNotes) => void,
): (tensors: NamedTensors<Tensor>) => NamedTensors<Tensor> {
  return (tensors) => {
    const env = environment();
    const { parts } = env;
    const answers: Answers = { ...gatherAnswers(tensors), ...askTracedTeachers(tensors, env) };
    const material = { crops: env.crops, onLook: env.onLook };
    const views: StudentViews = parts.students.map(
      (student) => [student, buildViews(parts.views, student.id, tensors, answers, material)] as const,
    );
    const weights: Record<string, number> = {};
    const taped = differentiate(trainableOf(parts, tensors), () => forward(views, tensors, env, weights));
    const { packed, layout } = pack(taped.loss, taped.extras, views, parts.classCount);
    onTrace({ layout, weights });
    return { ...updates(taped.gradients, taped.extras, tensors, env), numbers: packed };
  };
}
