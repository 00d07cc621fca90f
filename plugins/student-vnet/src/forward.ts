import type { Ops, StudentPass, TensorMap } from '@dinomix/trainer';
import { add, concat, slice, type Tensor } from '@tensorflow/tfjs-core';
import type { Stage, Unit } from './architecture.js';
import type { VnetOptions } from './options.js';

/** The first items of a batch; all for null. */
export function firstItems(x: Tensor, count: number | null): Tensor {
  if (count === null || x.shape[0] === count) return x;
  return slice(x, [0, 0, 0, 0, 0], [count, -1, -1, -1, -1]);
}

/** One pass with given weights. */
export class Forward {
  readonly #ops: Ops;
  readonly #options: VnetOptions;
  readonly #weights: TensorMap;
  readonly #pass: StudentPass;
  readonly #prefix: string;

  /** @param prefix - of the names of parameters and dropout places, where a network has several of a kind. */
  constructor(ops: Ops, options: VnetOptions, weights: TensorMap, pass: StudentPass, prefix = '') {
    this.#ops = ops;
    this.#options = options;
    this.#weights = weights;
    this.#pass = pass;
    this.#prefix = prefix;
  }

  /** @param kept - the first items that go on; all for null. */
  stage(
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
    return this.#ops.dropout(hidden, {
      rate,
      granularity: 'channel',
      key: this.#pass.dropoutKey(this.#prefix + feature),
    });
  }

  convolve(x: Tensor, { kind, name }: Unit): Tensor {
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
    const convolved = this.convolve(x, unit);
    if (norm === 'none') return this.#ops.normActivation(convolved, { norm, slope, training });
    const affine = { scale: this.#weight(`${unit.name}.scale`), offset: this.#weight(`${unit.name}.offset`) };
    if (norm === 'group') return this.#ops.normActivation(convolved, { norm, groups, ...affine, slope, training });
    if (norm === 'instance') return this.#ops.normActivation(convolved, { norm, ...affine, slope, training });
    const running = {
      mean: this.#weight(`${unit.name}.mean`),
      variance: this.#weight(`${unit.name}.variance`),
      update: (mean: Tensor, variance: Tensor) => {
        this.#pass.updateBuffer(`${this.#prefix}${unit.name}.mean`, mean);
        this.#pass.updateBuffer(`${this.#prefix}${unit.name}.variance`, variance);
      },
    };
    return this.#ops.normActivation(convolved, { norm, ...affine, slope, running, training });
  }

  #weight(name: string): Tensor {
    const tensor = this.#weights[this.#prefix + name];
    if (tensor === undefined) throw new Error(`vnet: the weights have no "${this.#prefix}${name}"`);
    return tensor;
  }
}
