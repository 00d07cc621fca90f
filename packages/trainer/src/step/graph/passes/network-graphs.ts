import type { NamedTensors, PassItems } from '@dinomix/core';
import { add, mul, reshape, sum, type Tensor } from '@tensorflow/tfjs-core';
import { guarded } from '../../guard.js';
import {
  BUFFER,
  COTANGENT,
  featureName,
  headName,
  KEY,
  MORE,
  prefixed,
  SAID,
  SUM,
  studentVariable,
  under,
} from '../../names.js';
import type { StudentPart } from '../../parts.js';
import type { StepEnvironment } from '../environment.js';
import { trainableOf } from '../evaluate-step.js';
import { createPass, forwardTogether } from '../students.js';
import { differentiate } from '../tape.js';

/** Whose pass it is and what is wanted of it. */
export interface PassTask {
  readonly env: StepEnvironment;
  readonly student: StudentPart;
  /** Features that the losses read. */
  readonly features: readonly string[];
  /** What its batch is. */
  readonly items: readonly PassItems[];
}

/** What the network of a student is run on: its own weights. */
export function networkInputs({ id, model }: StudentPart, tensors: NamedTensors<Tensor>): NamedTensors<Tensor> {
  const names = model.parameters.map(({ name }) => studentVariable(id, name));
  return Object.fromEntries(names.map((name) => [name, tensors[name]!]));
}

/** Takes the new value of a buffer of the network. */
type OnBuffer = (name: string, value: Tensor) => void;

/** Logits, heads and wanted features of `image` by name. Two calls with equal tensors give equal values: dropout draws from `key`. */
function say(tensors: NamedTensors<Tensor>, task: PassTask, onBuffer: OnBuffer): NamedTensors<Tensor> {
  const { student, features, items, env } = task;
  const pass = createPass(student.id, true, tensors[KEY]!, { items, updateBuffer: onBuffer });
  const [output] = forwardTogether(student, [tensors.image!], items, tensors, pass, env.parts.classCount, env.moment);
  const said: Record<string, Tensor> = { logits: output!.logits };
  for (const [name, head] of Object.entries(output!.heads ?? {})) said[headName(name)] = head;
  for (const name of features) {
    const feature = output!.features[name];
    guarded(student, 'compute its output', env.moment.position, () => {
      if (feature === undefined) throw new Error(`its output has no feature "${name}", which it declares`);
    });
    said[featureName(name)] = feature!;
  }
  return said;
}

/**
 * The graph of a pass forward. Inputs: `image`, `key` and the weights of the network; outputs: `said/...` and new values of
 * buffers, `buffer/...`. Every pass of equal shape is the same graph.
 */
export function createForwardGraph(task: () => PassTask): (tensors: NamedTensors<Tensor>) => NamedTensors<Tensor> {
  return (tensors) => {
    const buffers: Record<string, Tensor> = {};
    const said = say(tensors, task(), (name, value) => {
      buffers[name] = value;
    });
    return apart({ ...prefixed(SAID, said), ...prefixed(BUFFER, buffers) }, tensors);
  };
}

/**
 * The graph of a pass backward, which computes the pass forward once more: what it would have to keep from it is what the
 * passes save. Inputs as forward, and `cotangent/...` `[n]`, the gradient of the total with respect to each output; outputs:
 * the gradients of the network's weights, by variable name.
 */
export function createBackwardGraph(task: () => PassTask): (tensors: NamedTensors<Tensor>) => NamedTensors<Tensor> {
  return (tensors) => {
    const { env, student } = task();
    const names = new Set(student.model.parameters.map(({ name }) => name));
    const wanted = trainableOf(env.parts, tensors, (owner, name) => owner.id === student.id && names.has(name));
    const cotangents = Object.entries(under(COTANGENT, tensors));
    const { gradients } = differentiate(wanted, () => {
      const said = say(tensors, task(), () => undefined);
      const products = cotangents.map(([name, value]) => sum(mul(said[name]!, reshape(value, said[name]!.shape))));
      return { loss: products.reduce((total, product) => add(total, product)), extras: {} };
    });
    return apart(gradients, tensors);
  };
}

/** The graph that adds the gradients of one more pass: `sum/...` and `more/...`; absent is 0. */
export function addGradients(tensors: NamedTensors<Tensor>): NamedTensors<Tensor> {
  const [sums, more] = [under(SUM, tensors), under(MORE, tensors)];
  const both = { ...sums, ...more };
  const names = Object.keys(both);
  const added = names.map((name) => {
    const [a, b] = [sums[name], more[name]];
    return [name, a !== undefined && b !== undefined ? add(a, b) : both[name]!] as const;
  });
  return apart(Object.fromEntries(added), tensors);
}

/** Outputs of a graph as tensors of their own: what is an input, or comes twice, is computed once more. */
export function apart(outputs: NamedTensors<Tensor>, inputs: NamedTensors<Tensor>): NamedTensors<Tensor> {
  const taken = new Set(Object.values(inputs).map(({ dataId }) => dataId));
  const entries = Object.entries(outputs).map(([name, value]) => {
    const own = taken.has(value.dataId) ? mul(value, 1) : value;
    taken.add(own.dataId);
    return [name, own.clone()] as const;
  });
  return Object.fromEntries(entries);
}
