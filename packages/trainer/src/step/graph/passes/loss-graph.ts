import type { NamedTensors, StudentOutput } from '@dinomix/core';
import { concat, reshape, type Tensor, zerosLike } from '@tensorflow/tfjs-core';
import type { StudentResult } from '../../../types.js';
import {
  BUFFER,
  COTANGENT,
  featureName,
  GRADIENT,
  lossPrefix,
  NUMBERS,
  ownerOf,
  prefixed,
  SAID,
  saidPrefix,
  studentVariable,
  under,
} from '../../names.js';
import type { StudentPart } from '../../parts.js';
import type { Pass } from '../../plan-passes.js';
import type { StepEnvironment } from '../environment.js';
import { differentiate } from '../tape.js';
import {
  evaluateStudents,
  type OutputsOf,
  packNumbers,
  type TraceNotes,
  trainableOf,
  viewsOfStudents,
} from '../views-in-tape.js';
import type { FeaturesInUse } from './features-in-use.js';
import { apart } from './network-graphs.js';

/** What the graph of the losses is made from besides tensors. */
export interface LossTask {
  readonly env: StepEnvironment;
  readonly passes: readonly Pass[];
  readonly features: FeaturesInUse;
}

/** The features that were kept; another one that the student has is an error, not undefined. */
function keptFeatures({ id, model }: StudentPart, kept: NamedTensors<Tensor>): NamedTensors<Tensor> {
  const features = { ...kept };
  for (const name of Object.keys(model.features).filter((declared) => !(declared in kept))) {
    Object.defineProperty(features, name, {
      get() {
        throw new Error(
          `the feature "${name}" of student "${id}" was not read when the losses were asked what they read`,
        );
      },
    });
  }
  return features;
}

/** What a student said about a view, over all passes that it took. */
function joinedOutput(student: StudentPart, passes: readonly Pass[], tensors: NamedTensors<Tensor>, task: LossTask) {
  const said = passes.map((pass) => under(saidPrefix(student.id, pass.name), tensors));
  const joined = (name: string): Tensor => {
    const values = said.map((one) => one[name]!);
    return values.length === 1 ? values[0]! : concat(values, 0);
  };
  const features = task.features[student.id]!.map((name) => [name, joined(featureName(name))] as const);
  return { logits: joined('logits'), features: keptFeatures(student, Object.fromEntries(features)) };
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
  const prefixes = env.parts.losses.map(({ id }) => lossPrefix(id));
  return trainableOf(env.parts, tensors, (_, name) => prefixes.some((prefix) => name.startsWith(prefix)));
}

/** Whether an input of the step is one of this graph: everything but weights that it does not look at. */
export function isLossInput(name: string, env: StepEnvironment): boolean {
  const owner = ownerOf(name);
  if (owner !== 'student') return owner === null;
  const { students, losses } = env.parts;
  return students.some((student) =>
    losses.some((loss) => name.startsWith(studentVariable(student.id, lossPrefix(loss.id)))),
  );
}

/**
 * The graph of all losses of all students over all views at once, so that a loss may join views or compare them. Inputs: the
 * batch, the numbers of the step, parameters of losses and `said/<student>/<pass>/...`; outputs: `numbers`,
 * `cotangent/said/...` `[n]`, `gradient/<variable>` for parameters of losses, and their buffers, `buffer/<student>/...`.
 */
export function createLossGraph(
  task: () => LossTask,
  onTrace: (notes: TraceNotes) => void,
): (tensors: NamedTensors<Tensor>) => NamedTensors<Tensor> {
  return (tensors) => {
    const { env, passes } = task();
    const views = viewsOfStudents(tensors, env);
    const outputsOf: OutputsOf = (student, unseen): readonly StudentResult[] =>
      unseen.map(({ name }): StudentOutput<Tensor> => {
        const own = passes.filter(({ view }) => view === name);
        return joinedOutput(student, own, tensors, task());
      });
    const said = Object.entries(tensors).filter(([name]) => name.startsWith(SAID));
    const parameters = lossParameters(env, tensors);
    const weights: Record<string, number> = {};
    const taped = differentiate({ ...parameters, ...Object.fromEntries(said) }, () =>
      evaluateStudents(views, tensors, env, outputsOf, weights),
    );
    const { packed, layout } = packNumbers(taped, views, env.parts.classCount);
    onTrace({ layout, weights });
    const { gradients, extras } = taped;
    const cotangents = env.parts.students.map((student) => cotangentsOf(student, gradients, tensors, task()));
    const ofLosses = Object.entries(gradients).filter(([name]) => name in parameters);
    const outputs = {
      [NUMBERS]: packed,
      ...prefixed(COTANGENT, Object.assign({}, ...cotangents)),
      ...prefixed(GRADIENT, Object.fromEntries(ofLosses)),
      ...Object.fromEntries(Object.entries(extras).filter(([name]) => name.startsWith(BUFFER))),
    };
    return apart(outputs, tensors);
  };
}
