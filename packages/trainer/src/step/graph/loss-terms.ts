import type { LossTerm, NamedTensors, ViewName } from '@dinomix/core';
import { add, mul, scalar, type Tensor } from '@tensorflow/tfjs-core';
import type { LossViewTensors } from '../../types.js';
import { guarded } from '../guard.js';
import { classWeights, ITERATION, KEY, lossPrefix, lossWeight } from '../names.js';
import { actsOn, type LossPart, type StudentPart } from '../parts.js';
import { placeKey } from '../random.js';
import { extendContext, graphContext, type StepEnvironment } from './environment.js';
import { lossWeightsOf } from './students.js';

function viewsFor(loss: LossPart, views: readonly LossViewTensors[]): Partial<Record<ViewName, LossViewTensors>> {
  return Object.fromEntries(
    views.filter(({ name }) => loss.slot.views.includes(name)).map((view) => [view.name, view]),
  );
}

/**
 * Evaluates every loss for one student; a loss whose views do not exist gives no term.
 * @param onBuffer - receives new values of the losses' buffers, by their name among the student's parameters.
 */
export function evaluateLosses(
  student: StudentPart,
  views: readonly LossViewTensors[],
  tensors: NamedTensors<Tensor>,
  env: StepEnvironment,
  onBuffer: (name: string, value: Tensor) => void,
): readonly LossTerm<Tensor>[] {
  return env.parts.losses.flatMap((loss) => {
    if (!actsOn(loss, student.id)) return [];
    const ctx = extendContext(graphContext(loss.key, env), {
      ops: env.parts.ops,
      iteration: tensors[ITERATION]!,
      key: (purpose: string) => placeKey(tensors[KEY]!, `${loss.key}/${student.id}/${purpose}`),
      updateBuffer: (name: string, value: Tensor) => onBuffer(lossPrefix(loss.id) + name, value),
    });
    const input = {
      studentId: student.id,
      views: viewsFor(loss, views),
      classWeights: tensors[classWeights(student.id)] ?? null,
      weights: lossWeightsOf(student.id, loss.id, tensors),
    };
    const result = guarded(loss, `evaluate student "${student.id}"`, env.moment.position, () =>
      loss.slot.evaluate(input, ctx),
    );
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
  const ctx = graphContext('hook', env);
  const seen = lossTerms.isUsed() ? lossTerms.call(terms, ctx) : terms;
  const decided = lossReduce.isUsed() ? lossReduce.call(seen, ctx) : undefined;
  if (decided !== undefined) return { total: decided.value, terms: seen };
  const weighted = seen.map(({ id, value, weight }) => {
    const given = weight === env.lossWeights[id] ? tensors[lossWeight(id)] : undefined;
    return mul(value, given ?? scalar(weight));
  });
  return { total: weighted.length === 0 ? scalar(0) : weighted.reduce((total, term) => add(total, term)), terms: seen };
}
