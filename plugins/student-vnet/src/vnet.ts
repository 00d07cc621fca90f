import type { Index3 } from '@dinomix/core';
import type {
  Ops,
  StudentContext,
  StudentNetwork,
  StudentPass,
  StudentResult,
  StudentSlot,
  TensorMap,
} from '@dinomix/trainer';
import { add, concat, slice, type Tensor } from '@tensorflow/tfjs-core';
import { type Architecture, layOut, parametersOf, type Stage, type Unit } from './architecture.js';
import type { VnetOptions } from './options.js';

/** The slot `student` of the V-Net. */
export function createVnet(options: VnetOptions): StudentSlot {
  return { build: (ctx) => buildVnet(ctx, options) };
}

/** Builds the V-Net of method.md §2.5 (after Milletari et al. 2016, with additive skips and no residual connections). */
export function buildVnet(ctx: StudentContext, options: VnetOptions): StudentNetwork {
  const architecture = layOut(options, ctx.inputChannels, ctx.classCount);
  const cube = (side: number): Index3 => [side, side, side];
  const features = architecture.stages.map(
    ({ feature, channels, stride }) => [feature, { channels, stride: cube(stride) }] as const,
  );
  return {
    parameters: parametersOf(architecture, options),
    features: Object.fromEntries(features),
    multiple: cube(2 ** (options.levels - 1)),
    forward: (x, weights, pass) => new Forward(ctx.ops, options, weights, pass).run(x, architecture),
  };
}

/**
 * Items of which only features are taken do not go further than these.
 * @returns the items that go on, and the stage after which the others stop; null where all go on.
 */
function earlyStop({ items }: StudentPass, stages: readonly Stage[]): { items: number; after: number } | null {
  const early = items.filter(({ logits }) => !logits);
  const heard = items.filter(({ logits }) => logits).reduce((sum, { count }) => sum + count, 0);
  if (early.length === 0 || heard === 0 || early.some(({ features }) => features === null)) return null;
  const taken = early.flatMap(({ features }) => features!);
  const last = stages.findLastIndex(({ feature }) => taken.includes(feature));
  return { items: heard, after: last };
}

/** The first items of a batch; all for null. */
function firstItems(x: Tensor, count: number | null): Tensor {
  if (count === null || x.shape[0] === count) return x;
  return slice(x, [0, 0, 0, 0, 0], [count, -1, -1, -1, -1]);
}

/** One pass with given weights. */
class Forward {
  readonly #ops: Ops;
  readonly #options: VnetOptions;
  readonly #weights: TensorMap;
  readonly #pass: StudentPass;

  constructor(ops: Ops, options: VnetOptions, weights: TensorMap, pass: StudentPass) {
    this.#ops = ops;
    this.#options = options;
    this.#weights = weights;
    this.#pass = pass;
  }

  run(x: Tensor, { stages, output }: Architecture): StudentResult {
    const features: Record<string, Tensor> = {};
    const stop = earlyStop(this.#pass, stages);
    let hidden = x;
    stages.forEach((stage, index) => {
      const kept = stop !== null && index > stop.after ? stop.items : null;
      hidden = this.#stage(firstItems(hidden, kept), stage, features, kept);
      features[stage.feature] = hidden;
    });
    return { logits: this.#convolve(hidden, output), features };
  }

  #stage(
    x: Tensor,
    { resample, skip, convs, dropout, feature }: Stage,
    features: TensorMap,
    kept: number | null,
  ): Tensor {
    let hidden = resample === null ? x : this.#unit(x, resample);
    if (skip !== null) {
      const encoded = firstItems(features[skip]!, kept);
      hidden = this.#options.skip === 'add' ? add(hidden, encoded) : concat([hidden, encoded], 4);
    }
    for (const unit of convs) hidden = this.#unit(hidden, unit);
    const rate = this.#options.dropout;
    if (!dropout || rate === 0 || !this.#pass.training) return hidden;
    return this.#ops.dropout(hidden, { rate, granularity: 'channel', key: this.#pass.dropoutKey(feature) });
  }

  #convolve(x: Tensor, { kind, name }: Unit): Tensor {
    const filter = this.#weight(`${name}.filter`);
    const bias = this.#weight(`${name}.bias`);
    if (kind === 'up') return this.#ops.conv3dTranspose(x, filter, { bias, strides: [2, 2, 2] });
    if (kind === 'down') return this.#ops.conv3d(x, filter, { bias, strides: [2, 2, 2], padding: 'valid' });
    return this.#ops.conv3d(x, filter, { bias, padding: 'same' });
  }

  /** Convolution, normalisation, activation. */
  #unit(x: Tensor, unit: Unit): Tensor {
    const { norm, groups, negativeSlope: slope } = this.#options;
    const { training } = this.#pass;
    const convolved = this.#convolve(x, unit);
    if (norm === 'none') return this.#ops.normActivation(convolved, { norm, slope, training });
    const affine = { scale: this.#weight(`${unit.name}.scale`), offset: this.#weight(`${unit.name}.offset`) };
    if (norm === 'group') return this.#ops.normActivation(convolved, { norm, groups, ...affine, slope, training });
    if (norm === 'instance') return this.#ops.normActivation(convolved, { norm, ...affine, slope, training });
    const running = {
      mean: this.#weight(`${unit.name}.mean`),
      variance: this.#weight(`${unit.name}.variance`),
      update: (mean: Tensor, variance: Tensor) => {
        this.#pass.updateBuffer(`${unit.name}.mean`, mean);
        this.#pass.updateBuffer(`${unit.name}.variance`, variance);
      },
    };
    return this.#ops.normActivation(convolved, { norm, ...affine, slope, running, training });
  }

  #weight(name: string): Tensor {
    const tensor = this.#weights[name];
    if (tensor === undefined) throw new Error(`vnet: the weights have no "${name}"`);
    return tensor;
  }
}
