import type { ForwardPass, Index3, NamedTensors, StudentModel } from '@dinomix/core';
import * as tf from '@tensorflow/tfjs-core';
import { conv3d, conv3dTranspose, normActivation } from '../src/engine.js';
import { values } from './engine-harness.js';

export interface StudentOptions {
  readonly filters: number;
  readonly classes: number;
  /** Convolutions of each level of the encoder; the decoder mirrors all but the last. */
  readonly convolutions: readonly number[];
  readonly norm: 'batch' | 'instance' | 'group' | 'none';
  readonly slope: number;
  readonly skip: 'add' | 'concat';
  readonly inputChannels?: number;
}

export interface TestStudent {
  readonly model: StudentModel<tf.Tensor>;
  readonly weights: NamedTensors<tf.Tensor>;
}

const EVERY = [2, 2, 2] as const;

/** A V-Net with reproducible random weights on the current backend, recorded with this package's operations. */
export function createStudent(options: StudentOptions): TestStudent {
  const weights: Record<string, tf.Tensor> = {};
  let seed = 1;
  const weight = (name: string, shape: readonly number[], spread: number, centre = 0): tf.Tensor => {
    weights[name] ??= tf.add(values(shape, seed++, spread), centre);
    return weights[name];
  };
  const forward = (x: tf.Tensor): tf.Tensor => vnet(x, options, weight);
  const side = 2 ** (options.convolutions.length - 1);
  // One pass creates the weights.
  tf.keep(
    tf.tidy(() => {
      forward(tf.zeros([1, side, side, side, options.inputChannels ?? 1]));
      for (const tensor of Object.values(weights)) tf.keep(tensor);
      return tf.scalar(0);
    }),
  );
  const model: StudentModel<tf.Tensor> = {
    parameters: [],
    features: {},
    multiple: [side, side, side] as Index3,
    forward: (image, _given, _pass: ForwardPass<tf.Tensor>) => ({ logits: forward(image), features: {} }),
  };
  return { model, weights };
}

type Weight = (name: string, shape: readonly number[], spread: number, centre?: number) => tf.Tensor;

function vnet(x: tf.Tensor, options: StudentOptions, weight: Weight): tf.Tensor {
  const { filters, convolutions, skip, classes } = options;
  const skips: tf.Tensor[] = [];
  let y = x;
  convolutions.forEach((count, level) => {
    if (level > 0) y = unit(y, filters << level, 'down', `down.${level}`, options, weight);
    for (let i = 0; i < count; i++) y = unit(y, filters << level, 'conv', `encoder.${level}.${i}`, options, weight);
    skips.push(y);
  });
  skips.pop();
  for (let level = convolutions.length - 2; level >= 0; level--) {
    y = unit(y, filters << level, 'up', `up.${level}`, options, weight);
    y = skip === 'add' ? tf.add(y, skips.pop()!) : tf.concat([skips.pop()!, y], 4);
    for (let i = 0; i < convolutions[level]!; i++)
      y = unit(y, filters << level, 'conv', `decoder.${level}.${i}`, options, weight);
  }
  const filter = weight('head.filter', [1, 1, 1, filters, classes], 2 / Math.sqrt(filters));
  return conv3d(y, filter, { bias: weight('head.bias', [classes], 0.2), padding: 'same' });
}

function unit(
  x: tf.Tensor,
  out: number,
  kind: 'conv' | 'down' | 'up',
  name: string,
  options: StudentOptions,
  weight: Weight,
): tf.Tensor {
  const into = x.shape[4]!;
  const bias = weight(`${name}.bias`, [out], 0.2);
  const spread = (taps: number) => Math.sqrt(24 / (into * taps));
  let y: tf.Tensor;
  if (kind === 'up') {
    y = conv3dTranspose(x, weight(`${name}.filter`, [2, 2, 2, out, into], spread(1)), { bias, strides: EVERY });
  } else if (kind === 'down') {
    y = conv3d(x, weight(`${name}.filter`, [2, 2, 2, into, out], spread(8)), {
      bias,
      strides: EVERY,
      padding: 'valid',
    });
  } else {
    y = conv3d(x, weight(`${name}.filter`, [3, 3, 3, into, out], spread(27)), { bias, padding: 'same' });
  }
  const { norm, slope } = options;
  if (norm === 'none') return normActivation(y, { norm, slope, training: false });
  const scale = weight(`${name}.scale`, [out], 0.5, 1);
  const offset = weight(`${name}.offset`, [out], 0.5);
  const running = {
    mean: weight(`${name}.mean`, [out], 0.5),
    variance: weight(`${name}.variance`, [out], 0.5, 1),
    update: () => undefined,
  };
  return normActivation(y, { norm, groups: 2, scale, offset, slope, running, training: false });
}
