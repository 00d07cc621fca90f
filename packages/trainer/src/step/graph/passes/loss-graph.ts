import type { NamedTensors, StudentOutput } from '@dinomix/core';
import { concat, reshape, type Tensor, zerosLike } from '@tensorflow/tfjs-core';
import type { StudentResult } from '../../../types.js';
import {
  COTANGENT,
  featureName,
  GRADIENT,
  headName,
  isReported,
  NUMBERS,
  ownerOf,
  partPrefix,
  prefixed,
  SAID,
  SET,
  saidPrefix,
  studentVariable,
  teacherVariable,
  under,
} from '../../names.js';
import type { StudentPart } from '../../parts.js';
import type { Pass } from '../../plan-passes.js';
import type { StepEnvironment } from '../environment.js';
import {
  answersOfImages,
  evaluateStep,
  type OutputsOf,
  packNumbers,
  type TraceNotes,
  trainableOf,
} from '../evaluate-step.js';
import { createSink } from '../sink.js';
import { differentiate } from '../tape.js';
import { onlyFeatures } from '../view-access.js';
import type { FeaturesInUse } from './features-in-use.js';
import { apart } from './network-graphs.js';

/** What the graph of the losses is made from besides tensors. */
export interface LossTask {
  readonly env: StepEnvironment;
  readonly passes: readonly Pass[];
  readonly features: FeaturesInUse;
}

/** What a student said about a view, over all passes that it took. */
function joinedOutput(student: StudentPart, passes: readonly Pass[], tensors: NamedTensors<Tensor>, task: LossTask) {
  const said = passes.map((pass) => under(saidPrefix(student.id, pass.name), tensors));
  const joined = (name: string): Tensor => {
    const values = said.map((one) => one[name]!);
    return values.length === 1 ? values[0]! : concat(values, 0);
  };
  const { id, model } = student;
  const kept = task.features[id]!.map((name) => [name, joined(featureName(name))] as const);
  const heads = Object.keys(model.heads ?? {}).map((name) => [name, joined(headName(name))] as const);
  const features = onlyFeatures(
    Object.fromEntries(kept),
    Object.keys(model.features),
    (name) => `the feature "${name}" of student "${id}" was not read when the losses were asked what they read`,
  );
  return { logits: joined('logits'), heads: Object.fromEntries(heads), features };
}

const flat = (value: Tensor): Tensor => reshape(value, [-1]);

/**
 * The gradients of what a student said, by pass. A student's passes get the same names, zeros where nothing depends on one,
 * so that they are one graph; a pass that nothing depends on gets none. They are flat: as a row of numbers a tensor is laid out in
 * one way only on every backend, wherever its values come from.
 */
function cotangentsOf(
  student: StudentPart,
  gradients: NamedTensors<Tensor>,
  tensors: NamedTensors<Tensor>,
  task: LossTask,
) {
  const found = task.passes.map((pass) => [pass, under(saidPrefix(student.id, pass.name), gradients)] as const);
  const names = [...new Set(found.flatMap(([, own]) => Object.keys(own)))].sort();
  const filled = found
    .filter(([, own]) => Object.keys(own).length > 0)
    .flatMap(([pass, own]) => {
      const prefix = saidPrefix(student.id, pass.name);
      return names.map((name) => [prefix + name, flat(own[name] ?? zerosLike(tensors[prefix + name]!))] as const);
    });
  return Object.fromEntries(filled);
}

/** Trainable parameters of losses. */
function lossParameters(env: StepEnvironment, tensors: NamedTensors<Tensor>): NamedTensors<Tensor> {
  const prefixes = env.parts.losses.map(({ id }) => partPrefix('loss', id));
  return trainableOf(env.parts, tensors, (_, name) => prefixes.some((prefix) => name.startsWith(prefix)));
}

/** Whether an input of the step is one of this graph: everything but the networks' weights and the optimizer's state. */
export function isLossInput(name: string, env: StepEnvironment): boolean {
  const owner = ownerOf(name);
  if (owner === null) return true;
  if (owner === 'teacher') return env.taughtBy.some(({ id }) => name.startsWith(teacherVariable(id, '')));
  if (owner === 'optimizer') return false;
  return env.parts.students.some(
    ({ id, model }) =>
      name.startsWith(studentVariable(id, '')) &&
      !model.parameters.some((one) => studentVariable(id, one.name) === name),
  );
}

/**
 * The graph of all losses of all students over all views at once, so that a loss may join views or compare them. Inputs: the
 * batch, the numbers of the step, variables of losses, selectors and weighters and `said/<student>/<pass>/...`; outputs:
 * `numbers`, `cotangent/said/...` `[n]`, `gradient/<variable>` for parameters of losses, and what was set, `set/<variable>`.
 */
export function createLossGraph(
  task: () => LossTask,
  onTrace: (notes: TraceNotes) => void,
): (tensors: NamedTensors<Tensor>) => NamedTensors<Tensor> {
  return (tensors) => {
    const { env, passes } = task();
    const sink = createSink();
    const outputsOf: OutputsOf = (student, views): readonly StudentResult[] =>
      views.map((name): StudentOutput<Tensor> => {
        const own = passes.filter(({ view }) => view === name);
        return joinedOutput(student, own, tensors, task());
      });
    const said = Object.entries(tensors).filter(([name]) => name.startsWith(SAID));
    const parameters = lossParameters(env, tensors);
    const weights: Record<string, number> = {};
    const step = { tensors, env, sink, answers: answersOfImages(tensors, env, sink), outputsOf };
    const taped = differentiate({ ...parameters, ...Object.fromEntries(said) }, () => evaluateStep(step, weights));
    const { packed, layout } = packNumbers(taped, isReported);
    onTrace({ layout, weights, units: sink.units });
    const { gradients, extras } = taped;
    const cotangents = env.parts.students.map((student) => cotangentsOf(student, gradients, tensors, task()));
    const ofLosses = Object.entries(gradients).filter(([name]) => name in parameters);
    const outputs = {
      [NUMBERS]: packed,
      ...prefixed(COTANGENT, Object.assign({}, ...cotangents)),
      ...prefixed(GRADIENT, Object.fromEntries(ofLosses)),
      ...Object.fromEntries(Object.entries(extras).filter(([name]) => name.startsWith(SET))),
    };
    return apart(outputs, tensors);
  };
}
