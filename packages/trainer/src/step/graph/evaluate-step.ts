import type { BatchPart, LossTerm, NamedTensors, ReportUnit, StudentOutput, ViewName } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { StudentResult } from '../../types.js';
import { countsName, predictedName, studentVariable, termParts, termValue, viewTensor, weightsName } from '../names.js';
import { BATCH_PARTS, type StudentPart } from '../parts.js';
import { type Answers, gatherAnswers, pseudoTarget } from './answers.js';
import { countPredictions, countVoxels } from './counts.js';
import { extendContext, hookContext, type StepEnvironment } from './environment.js';
import { evaluateLosses, reduceLosses, type SeenView } from './loss-terms.js';
import { createPacker, type NumbersLayout } from './numbers.js';
import { type SaidAbout, selectTargets, selectViews } from './select.js';
import type { Sink } from './sink.js';
import type { Taped } from './tape.js';
import { askTeachersOfOutputs, askTracedTeachers, type SaidByPart } from './teachers.js';
import { buildViews, type UnseenView } from './views.js';
import { weighStudent } from './weigh.js';

/** What a trace tells about itself. */
export interface TraceNotes {
  readonly layout: NumbersLayout;
  /** Weights that a hook changed, by {@link termValue}. */
  readonly weights: Readonly<Record<string, number>>;
  /** Units of what parts reported, by the name among the numbers. */
  readonly units: Readonly<Record<string, ReportUnit>>;
}

/** What a student says about the views that the step has, one output for each. */
export type OutputsOf = (student: StudentPart, views: readonly ViewName[]) => readonly StudentResult[];

/** What is evaluated inside the tape. */
export interface StepTask {
  readonly tensors: NamedTensors<Tensor>;
  readonly env: StepEnvironment;
  readonly sink: Sink;
  /** What teachers of images say. */
  readonly answers: Answers;
  readonly outputsOf: OutputsOf;
}

/** A student with what it says by view. */
interface Heard {
  readonly student: StudentPart;
  readonly outputs: ReadonlyMap<ViewName, StudentOutput<Tensor>>;
  /** The same as constants of the tape. */
  readonly constants: SaidAbout;
}

/** What teachers of images say: before the graph or in it. */
export function answersOfImages(tensors: NamedTensors<Tensor>, env: StepEnvironment, sink: Sink): Answers {
  return { ...gatherAnswers(tensors), ...askTracedTeachers(tensors, env, sink) };
}

/** Views whose tensors are there. */
export function presentViews({ parts }: StepEnvironment, tensors: NamedTensors<Tensor>): readonly ViewName[] {
  return parts.views.map(({ name }) => name).filter((name) => viewTensor(name, 'image') in tensors);
}

/** What a student says, as the hook leaves it. */
function listen(student: StudentPart, { tensors, env, outputsOf }: StepTask): Heard {
  const { studentForward } = env.hooks;
  const names = presentViews(env, tensors);
  const said = outputsOf(student, names);
  const looked = names.map((view, index) => {
    const ctx = () => extendContext(hookContext(env), { studentId: student.id, view });
    const output = said[index]!;
    return [view, studentForward.isUsed() ? studentForward.call(output, ctx()) : output] as const;
  });
  const outputs = new Map(looked);
  const known = new Map<ViewName, StudentOutput<Tensor>>();
  const constants: SaidAbout = (view) => {
    const output = outputs.get(view);
    if (output === undefined) return null;
    if (!known.has(view)) known.set(view, detached(output, env));
    return known.get(view)!;
  };
  return { student, outputs, constants };
}

/** An output through which no gradient passes. Features are detached when somebody reads them. */
function detached(
  { logits, heads = {}, features }: StudentOutput<Tensor>,
  env: StepEnvironment,
): StudentOutput<Tensor> {
  const { detach } = env.parts.ops;
  const each = (tensors: NamedTensors<Tensor>): NamedTensors<Tensor> =>
    Object.defineProperties(
      {},
      Object.fromEntries(
        Object.keys(tensors).map((name) => [name, { enumerable: true, get: () => detach(tensors[name]!) }]),
      ),
    );
  return { logits: logits === undefined ? logits : detach(logits), heads: each(heads), features: each(features) };
}

/** What all students say about the clean parts. */
function saidByPart(heard: readonly Heard[]): SaidByPart {
  const said = (part: BatchPart) =>
    Object.fromEntries(
      heard.flatMap(({ student, constants }) => {
        const output = constants(part);
        return output === null ? [] : [[student.id, output] as const];
      }),
    );
  return Object.fromEntries(BATCH_PARTS.map((part) => [part, said(part)] as const));
}

/** The views of one student, complete: targets of all teachers, as the selectors leave them. */
function viewsOf(heard: Heard, answers: Answers, { tensors, env, sink }: StepTask): readonly UnseenView[] {
  const { student, constants } = heard;
  const material = { student, tensors, env, sink };
  const targets = {
    labelled: pseudoTarget(tensors, answers, student.id, 'labelled'),
    unlabelled: pseudoTarget(tensors, answers, student.id, 'unlabelled'),
  };
  const look = { key: 'views', plugin: 'a plugin that looks at the crops of a view' };
  const crops = { crops: env.crops, onLook: () => env.onLook(look) };
  const built = buildViews(presentViews(env, tensors), selectTargets(targets, material), tensors, answers, crops);
  return selectViews(built, constants, material);
}

/** Counts of what a student says about its views. */
function countsOf({ student, outputs }: Heard, views: readonly UnseenView[], { parts }: StepEnvironment) {
  const { classCount } = parts;
  const heardViews = views.filter(({ name }) => parts.views.some((view) => view.name === name && view.logits));
  const counts = heardViews.map(({ name, target, truth }): [string, Tensor] => {
    const { logits } = outputs.get(name)!;
    return target === null
      ? [predictedName(student.id, name), countPredictions(logits, classCount)]
      : [countsName(student.id, name), countVoxels(logits, target, truth, classCount)];
  });
  return Object.fromEntries(counts);
}

interface Evaluated {
  readonly terms: readonly LossTerm<Tensor>[];
  readonly extras: NamedTensors<Tensor>;
}

function evaluateStudent(heard: Heard, answers: Answers, task: StepTask): Evaluated {
  const { student, outputs, constants } = heard;
  const { tensors, env, sink } = task;
  const views = viewsOf(heard, answers, task);
  const weights = weighStudent({ student, views, said: constants, tensors, env, sink });
  const seen = views.map((view): SeenView => ({ view, output: outputs.get(view.name)! }));
  const terms = evaluateLosses({ student, seen, classWeights: weights, tensors, env, sink });
  const told = weights === null ? {} : { [weightsName(student.id)]: weights };
  return { terms, extras: { ...countsOf(heard, views, env), ...told } };
}

function termExtras(terms: readonly LossTerm<Tensor>[], env: StepEnvironment, notes: Record<string, number>) {
  const extras: Record<string, Tensor> = {};
  for (const { id, studentId, value, weight, parts } of terms) {
    extras[termValue(id, studentId)] = value;
    for (const [part, number] of Object.entries(parts)) extras[termParts(id, studentId) + part] = number;
    if (weight !== env.lossWeights[id]) notes[termValue(id, studentId)] = weight;
  }
  return extras;
}

/**
 * Everything inside the tape: students, teachers of outputs, selectors, weighters, losses, in this order. The extras hold
 * terms, counts, reports and what parts set, under their names.
 */
export function evaluateStep(task: StepTask, notes: Record<string, number>): Taped {
  const { tensors, env, sink, answers } = task;
  const heard = env.parts.students.map((student) => listen(student, task));
  const taught = askTeachersOfOutputs(tensors, env, sink, env.taughtBy.length === 0 ? {} : saidByPart(heard));
  const evaluated = heard.map((one) => evaluateStudent(one, { ...answers, ...taught }, task));
  const reduced = reduceLosses(
    evaluated.flatMap(({ terms }) => terms),
    tensors,
    env,
  );
  const counts = Object.assign({}, ...evaluated.map(({ extras }) => extras)) as NamedTensors<Tensor>;
  return { loss: reduced.total, extras: { ...counts, ...sink.tensors(), ...termExtras(reduced.terms, env, notes) } };
}

/** Everything that a step reports, in one tensor. */
export function packNumbers({ loss, extras }: Taped, isReported: (name: string) => boolean) {
  const packer = createPacker();
  packer.add('loss', loss);
  for (const [name, value] of Object.entries(extras)) if (isReported(name)) packer.add(name, value);
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
