import type { Conv3dOptions, Conv3dTransposeOptions, Index3 } from '@dinomix/core';
import {
  add,
  conv3d as convolve,
  conv3dTranspose as convolveTransposed,
  matMul,
  pad,
  reshape,
  slice,
  type Tensor,
  type Tensor5D,
} from '@tensorflow/tfjs-core';

function withBias(y: Tensor, bias: Tensor | undefined): Tensor {
  return bias === undefined ? y : add(y, bias);
}

/** Zeros before and after each axis so that a filter at stride 1 gives the size of its input. */
function samePadding(filter: Index3, dilations: Index3): [number, number][] {
  const inner = filter.map((side, axis): [number, number] => {
    const total = (side - 1) * dilations[axis]!;
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  });
  return [[0, 0], ...inner, [0, 0]];
}

/**
 * A dilated convolution as one matrix product per filter tap: TensorFlow.js has no gradient for its own. Stride 1.
 */
function dilatedConv3d(x: Tensor5D, filter: Tensor5D, padding: 'same' | 'valid', dilations: Index3): Tensor {
  const [kd, kh, kw, inChannels, outChannels] = filter.shape;
  const source = padding === 'same' ? pad(x, samePadding([kd, kh, kw], dilations)) : x;
  const size = [kd, kh, kw].map((side, axis) => source.shape[axis + 1]! - (side - 1) * dilations[axis]!);
  const [depth, height, width] = size as [number, number, number];
  const rows = x.shape[0] * depth * height * width;
  let total: Tensor | undefined;
  for (let tap = 0; tap < kd * kh * kw; tap++) {
    const [z, y, u] = [Math.floor(tap / (kh * kw)), Math.floor(tap / kw) % kh, tap % kw];
    const begin = [0, z * dilations[0], y * dilations[1], u * dilations[2], 0];
    const patch = slice(source, begin, [x.shape[0], depth, height, width, inChannels]);
    const weights = reshape(slice(filter, [z, y, u, 0, 0], [1, 1, 1, inChannels, outChannels]), [
      inChannels,
      outChannels,
    ]);
    const product = matMul(reshape(patch, [rows, inChannels]), weights);
    total = total === undefined ? product : add(total, product);
  }
  return reshape(total!, [x.shape[0], depth, height, width, outChannels]);
}

/**
 * `x` [b, d, h, w, in], `filter` [kd, kh, kw, in, out] → [b, d', h', w', out].
 * @throws Error when strides and dilations are both above 1.
 */
export function conv3d(x: Tensor, filter: Tensor, options: Conv3dOptions<Tensor>): Tensor {
  const { bias, strides = [1, 1, 1], padding, dilations = [1, 1, 1] } = options;
  const [input, kernel] = [x as Tensor5D, filter as Tensor5D];
  if (dilations.every((step) => step === 1)) {
    return withBias(convolve(input, kernel, [...strides], padding), bias);
  }
  if (strides.some((step) => step !== 1)) {
    throw new Error(`conv3d: strides [${strides}] with dilations [${dilations}]; one of the two must be [1,1,1]`);
  }
  return withBias(dilatedConv3d(input, kernel, padding, dilations), bias);
}

/** `x` [b, d, h, w, in], `filter` [kd, kh, kw, out, in] → [b, d s0, h s1, w s2, out]. */
export function conv3dTranspose(x: Tensor, filter: Tensor, options: Conv3dTransposeOptions<Tensor>): Tensor {
  const { bias, strides } = options;
  const [batch, depth, height, width] = (x as Tensor5D).shape;
  const shape: [number, number, number, number, number] = [
    batch,
    depth * strides[0],
    height * strides[1],
    width * strides[2],
    (filter as Tensor5D).shape[3],
  ];
  const y = convolveTransposed(x as Tensor5D, filter as Tensor5D, shape, [...strides], 'same');
  return withBias(y, bias);
}
