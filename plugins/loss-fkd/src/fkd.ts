import type { Index3 } from '@dinomix/core';
import type { LossInputs, LossResult, LossSetup, LossSlot, LossStep } from '@dinomix/trainer';
import { concat, type Tensor } from '@tensorflow/tfjs-core';
import { featureDistance } from './distance.js';
import type { FkdOptions } from './options.js';
import { type ProjectionShape, project, projectionParameters } from './projection.js';
import { uniquenessWeights } from './uniqueness.js';

/** The slot `loss` of Foundational Knowledge Distillation (method.md §1.4). */
export function createFkd(options: FkdOptions): LossSlot {
  return {
    takes: Object.fromEntries(options.views.map((view) => [view, [`feature:${options.feature}`, 'tokens']])),
    parameters: (ctx) => projectionParameters(projectionShape(ctx, options), options),
    evaluate: (input, ctx) => evaluateFkd(input, ctx, options),
  };
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}

/** @throws Error when the teacher gives no tokens or the student has no such feature. */
function projectionShape(ctx: LossSetup, { teacher, feature }: FkdOptions): ProjectionShape {
  const to = ctx.tokenChannels[teacher];
  const from = ctx.model.features[feature]?.channels;
  if (to === undefined) {
    throw new Error(
      `fkd: no teacher "${teacher}" that gives tokens is in use; those that do: ${listed(Object.keys(ctx.tokenChannels))}. ` +
        'Change use.teacher or the option "teacher".',
    );
  }
  if (from === undefined) {
    throw new Error(
      `fkd: student "${ctx.studentId}" has no feature "${feature}"; it has ${listed(Object.keys(ctx.model.features))}. ` +
        'Change the option "feature".',
    );
  }
  return { from, to };
}

/**
 * Distance between the projected feature g(x) of the student and the teacher's tokens, which are brought to the student's
 * grid, over all views as one batch. Null when no view has tokens.
 */
export function evaluateFkd(
  input: LossInputs,
  { ops, state }: Pick<LossStep, 'ops' | 'state'>,
  options: FkdOptions,
): LossResult | null {
  const features: Tensor[] = [];
  const tokens: Tensor[] = [];
  for (const name of options.views) {
    const view = input.views[name];
    const said = view?.tokens[options.teacher];
    if (view === undefined || said === undefined) continue;
    const feature = view.features[options.feature]!;
    features.push(feature);
    tokens.push(ops.resizeTrilinear(said, feature.shape.slice(1, 4) as unknown as Index3));
  }
  if (features.length === 0) return null;
  const joined = (parts: readonly Tensor[]): Tensor => (parts.length === 1 ? parts[0]! : concat([...parts], 0));
  const projected = project(joined(features), state, ops, options);
  const targets = joined(tokens);
  const weights = options.uniqueness === 0 ? null : uniquenessWeights(targets, options.uniqueness);
  return { value: featureDistance(projected, targets, options.distance, weights) };
}
