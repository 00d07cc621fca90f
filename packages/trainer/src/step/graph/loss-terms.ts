import type { LossTerm, NamedTensors, StudentOutput, ViewName } from '@dinomix/core';
import { add, mul, scalar, type Tensor } from '@tensorflow/tfjs-core';
import type { LossInputs, LossResult, LossViewTensors } from '../../types.js';
import { guarded } from '../guard.js';
import { KEY, lossWeight, partPrefix, studentVariable } from '../names.js';
import { actsOn, type LossPart, type StudentPart } from '../parts.js';
import { placeKey } from '../random.js';
import { hookContext, type StepEnvironment } from './environment.js';
import { partContext } from './part-context.js';
import type { Sink } from './sink.js';
import { createPass, networkWeights } from './students.js';
import { viewFor } from './view-access.js';
import type { UnseenView } from './views.js';

/** A view with what the student says about it. */
export interface SeenView {
  readonly view: UnseenView;
  readonly output: StudentOutput<Tensor>;
}

/** What the losses of one student work with. */
export interface LossMaterial {
  readonly student: StudentPart;
  readonly seen: readonly SeenView[];
  readonly classWeights: Tensor | null;
  readonly tensors: NamedTensors<Tensor>;
  readonly env: StepEnvironment;
  readonly sink: Sink;
}

function viewsFor(loss: LossPart, seen: readonly SeenView[]): Partial<Record<ViewName, LossViewTensors>> {
  const own = seen.filter(({ view }) => view.name in loss.slot.takes);
  return Object.fromEntries(own.map(({ view, output }) => [view.name, viewFor(loss, view, output)]));
}

/** How a loss runs the student once more: without a word about buffers, with keys of its own. */
function runAgain({ student, tensors }: LossMaterial, loss: LossPart): NonNullable<LossInputs['forward']> {
  return (image, purpose, { training = true, perturb = {}, sides = {} } = {}) => {
    const key = placeKey(tensors[KEY]!, `${loss.key}/${student.id}/forward/${purpose}`);
    const pass = createPass(student.id, training, key, {
      perturb: (place, x) => perturb[place]?.(x) ?? x,
      side: (name) => sides[name] ?? null,
    });
    const unknown = Object.keys(perturb).filter((place) => !student.model.places?.includes(place));
    if (unknown.length > 0) {
      const places = student.model.places?.join(', ') ?? 'none';
      throw new Error(`it perturbs ${unknown.join(', ')}, which student "${student.id}" does not offer (${places})`);
    }
    return student.model.forward(image, networkWeights(student, tensors), pass);
  };
}

/** @throws Error when a value is no scalar: a list would be cut to its first number. */
function assertScalars({ value, parts = {} }: LossResult): void {
  for (const [name, number] of Object.entries({ 'its value': value, ...parts })) {
    if (number.size === 1) continue;
    throw new Error(`${name} has the shape [${number.shape}]; expected a scalar (lists are shown by ctx.report)`);
  }
}

function evaluateOne(loss: LossPart, material: LossMaterial): LossResult | null {
  const { student, seen, classWeights, tensors, env, sink } = material;
  const prefix = studentVariable(student.id, partPrefix('loss', loss.id));
  const scope = { key: loss.key, plugin: loss.plugin, studentId: student.id, prefix };
  const input: LossInputs = {
    studentId: student.id,
    views: viewsFor(loss, seen),
    classWeights,
    ...(loss.slot.runsStudent === true ? { forward: runAgain(material, loss) } : {}),
  };
  return guarded(loss, `evaluate student "${student.id}"`, env.moment.position, () => {
    const result = loss.slot.evaluate(input, partContext(scope, tensors, env, sink));
    if (result !== null) assertScalars(result);
    return result;
  });
}

/** Evaluates every loss for one student; a loss whose views do not exist gives no term. */
export function evaluateLosses(material: LossMaterial): readonly LossTerm<Tensor>[] {
  const { student, env } = material;
  return env.parts.losses.flatMap((loss) => {
    const result = actsOn(loss, student.id) ? evaluateOne(loss, material) : null;
    if (result === null) return [];
    const { value, parts = {} } = result;
    return [{ id: loss.id, studentId: student.id, value, weight: env.lossWeights[loss.id]!, parts }];
  });
}

/**
 * Lets the hooks see the terms and adds them up. The weights of the config come from the graph's inputs; a weight that a hook
 * changed is a number of this step.
 */
export function reduceLosses(
  terms: readonly LossTerm<Tensor>[],
  tensors: NamedTensors<Tensor>,
  env: StepEnvironment,
): { readonly total: Tensor; readonly terms: readonly LossTerm<Tensor>[] } {
  const { lossTerms, lossReduce } = env.hooks;
  const ctx = hookContext(env);
  const seen = lossTerms.isUsed() ? lossTerms.call(terms, ctx) : terms;
  const decided = lossReduce.isUsed() ? lossReduce.call(seen, ctx) : undefined;
  if (decided !== undefined) return { total: decided.value, terms: seen };
  const weighted = seen.map(({ id, value, weight }) => {
    const given = weight === env.lossWeights[id] ? tensors[lossWeight(id)] : undefined;
    return mul(value, given ?? scalar(weight));
  });
  return { total: weighted.length === 0 ? scalar(0) : weighted.reduce((total, term) => add(total, term)), terms: seen };
}
