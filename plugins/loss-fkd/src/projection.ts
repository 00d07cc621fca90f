import type { Initializer, ParameterSpec } from '@dinomix/core';
import type { Ops, TensorMap } from '@dinomix/trainer';
import { ones, type Tensor, zeros } from '@tensorflow/tfjs-core';
import type { FkdOptions } from './options.js';

/** Channels of the projection g. */
export interface ProjectionShape {
  readonly from: number;
  readonly to: number;
}

function convolution(name: string, from: number, to: number): readonly ParameterSpec[] {
  // The default of PyTorch's convolutions: kaiming_uniform_(a=√5), whose bound is 1 / √fan.
  const initializer: Initializer = { kind: 'uniform', bound: 1 / Math.sqrt(from) };
  return [
    { name: `${name}.filter`, shape: [1, 1, 1, from, to], initializer, trainable: true, decay: true },
    { name: `${name}.bias`, shape: [to], initializer, trainable: true, decay: false },
  ];
}

/** Parameters of g: none for `relation`, one 1x1x1 convolution, or two with batch normalisation and ReLU between. */
export function projectionParameters({ from, to }: ProjectionShape, options: FkdOptions): readonly ParameterSpec[] {
  if (options.distance === 'relation') return [];
  if (options.head === 'linear') return convolution('projection', from, to);
  const hidden = options.hidden ?? to;
  const perChannel = (name: string, value: number): ParameterSpec => ({
    name,
    shape: [hidden],
    initializer: { kind: 'constant', value },
    trainable: true,
    decay: false,
  });
  return [
    ...convolution('projection.0', from, hidden),
    perChannel('projection.0.scale', 1),
    perChannel('projection.0.offset', 0),
    ...convolution('projection.1', hidden, to),
  ];
}

function convolve(x: Tensor, weights: TensorMap, name: string, ops: Ops): Tensor {
  return ops.conv3d(x, weights[`${name}.filter`]!, { bias: weights[`${name}.bias`]!, padding: 'same' });
}

/** g(x): `[b, d, h, w, from]` → `[b, d, h, w, to]`. */
export function project(x: Tensor, weights: TensorMap, ops: Ops, options: FkdOptions): Tensor {
  if (options.distance === 'relation') return x;
  if (options.head === 'linear') return convolve(x, weights, 'projection', ops);
  const hidden = convolve(x, weights, 'projection.0', ops);
  const channels = hidden.shape[4]!;
  const activated = ops.normActivation(hidden, {
    norm: 'batch',
    scale: weights['projection.0.scale']!,
    offset: weights['projection.0.offset']!,
    slope: 0,
    training: true,
    // The head is thrown away after training and always sees batch statistics, so that it keeps none.
    running: { mean: zeros([channels]), variance: ones([channels]), update: () => undefined },
  });
  return convolve(activated, weights, 'projection.1', ops);
}
