import * as tf from '@tensorflow/tfjs-core';
import * as ops from '../src/ops/tensor-ops.js';
import { type Program, values } from './engine-harness.js';

/** A convolution over the middle axes of `x`, or the transposed one that yields `transposedTo`. */
export interface ConvolutionCase {
  readonly name: string;
  readonly x: readonly number[];
  readonly filter: readonly number[];
  readonly strides?: readonly number[];
  readonly padding: 'same' | 'valid' | readonly (readonly [number, number])[];
  readonly dilations?: readonly number[];
  readonly transposedTo?: readonly number[];
  /** The filter is [kh, kw, c, m]. */
  readonly depthwise?: boolean;
}

/** Geometries that a lowering can get wrong: strides beside odd sides, windows that leave a rest, uneven padding. */
export const convolutionCases: readonly ConvolutionCase[] = [
  {
    name: '3D, stride 2 on odd sides',
    x: [2, 5, 6, 7, 3],
    filter: [3, 3, 3, 3, 4],
    strides: [2, 2, 2],
    padding: 'same',
  },
  {
    name: '3D, stride 2 padded behind only',
    x: [2, 6, 4, 6, 3],
    filter: [3, 3, 3, 3, 2],
    strides: [2, 2, 2],
    padding: 'same',
  },
  {
    name: '3D, uneven kernel and strides',
    x: [1, 7, 6, 5, 2],
    filter: [2, 3, 1, 2, 3],
    strides: [1, 2, 1],
    padding: 'valid',
  },
  {
    name: '3D, strides beyond the kernel',
    x: [2, 7, 7, 8, 2],
    filter: [2, 2, 2, 2, 3],
    strides: [3, 3, 3],
    padding: 'valid',
  },
  { name: '3D, one voxel', x: [1, 1, 1, 1, 3], filter: [3, 3, 3, 3, 4], padding: 'same' },
  { name: '3D, pointwise', x: [2, 4, 4, 4, 3], filter: [1, 1, 1, 3, 5], padding: 'same' },
  { name: '3D, dilated', x: [2, 5, 6, 5, 2], filter: [3, 3, 3, 2, 3], padding: 'same', dilations: [2, 1, 2] },
  {
    name: '3D transposed, whole windows',
    x: [2, 3, 4, 5, 3],
    filter: [2, 2, 2, 2, 3],
    strides: [2, 2, 2],
    padding: 'same',
    transposedTo: [2, 6, 8, 10, 2],
  },
  {
    name: '3D transposed, overlapping windows',
    x: [2, 3, 4, 5, 3],
    filter: [3, 3, 3, 2, 3],
    strides: [2, 2, 2],
    padding: 'same',
    transposedTo: [2, 5, 7, 10, 2],
  },
  {
    name: '3D transposed, kernel 4',
    x: [2, 3, 2, 3, 3],
    filter: [4, 4, 4, 2, 3],
    strides: [2, 2, 2],
    padding: 'same',
    transposedTo: [2, 6, 4, 6, 2],
  },
  { name: '2D, stride 2 on odd sides', x: [2, 9, 8, 3], filter: [3, 3, 3, 4], strides: [2, 2], padding: 'same' },
  { name: '2D, uneven kernel and strides', x: [2, 9, 8, 3], filter: [3, 2, 3, 4], strides: [2, 3], padding: 'valid' },
  {
    name: '2D, explicit padding',
    x: [2, 9, 8, 3],
    filter: [3, 3, 3, 4],
    padding: [
      [0, 0],
      [2, 1],
      [1, 0],
      [0, 0],
    ],
  },
  { name: '2D, window as large as the image', x: [2, 2, 2, 3], filter: [2, 2, 3, 4], padding: 'same' },
  {
    name: '2D, one pixel padded behind',
    x: [2, 3, 4, 3],
    filter: [1, 1, 3, 4],
    padding: [
      [0, 0],
      [0, 1],
      [0, 2],
      [0, 0],
    ],
  },
  {
    name: '2D transposed, overlapping windows',
    x: [2, 4, 5, 3],
    filter: [3, 3, 2, 3],
    strides: [2, 2],
    padding: 'same',
    transposedTo: [2, 8, 9, 2],
  },
  {
    name: '2D depthwise, strides beside a rest',
    x: [2, 5, 6, 3],
    filter: [2, 2, 3, 2],
    strides: [2, 2],
    padding: 'valid',
    depthwise: true,
  },
  {
    name: '2D depthwise, stride 2 padded',
    x: [1, 6, 5, 2],
    filter: [3, 3, 2, 1],
    strides: [2, 2],
    padding: 'same',
    depthwise: true,
  },
];

export function convolutionInputs({ x, filter }: ConvolutionCase, seed: number): () => tf.Tensor[] {
  return () => [values(x, seed), values(filter, seed + 1), values([1], seed + 2)];
}

/** A filter with zeros between its taps: the dilated convolution without dilation. */
function inflate(filter: tf.Tensor, dilations: readonly number[]): tf.Tensor {
  const [channels, kernel] = [filter.shape.slice(-2), filter.shape.slice(0, -2)];
  const apart = tf.reshape(filter, [...kernel.flatMap((side) => [side, 1]), ...channels]);
  const gaps = [
    ...dilations.flatMap((dilation) => [
      [0, 0],
      [0, dilation - 1],
    ]),
    [0, 0],
    [0, 0],
  ] as [number, number][];
  const grown = kernel.map((side, axis) => side * dilations[axis]!);
  const flat = tf.reshape(tf.pad(apart, gaps), [...grown, ...channels]);
  const reach = kernel.map((side, axis) => (side - 1) * dilations[axis]! + 1);
  return tf.slice(flat, [...kernel.map(() => 0), 0, 0], [...reach, ...channels]);
}

function convolve(c: ConvolutionCase, x: tf.Tensor, filter: tf.Tensor, native: boolean): tf.Tensor {
  const strides = c.strides ?? c.x.slice(2).map(() => 1);
  const { padding, transposedTo } = c;
  const volumes = c.x.length === 5;
  if (transposedTo && volumes) {
    return tf.conv3dTranspose(
      x as tf.Tensor5D,
      filter as tf.Tensor5D,
      transposedTo as never,
      strides as never,
      padding as 'same',
    );
  }
  if (transposedTo) {
    return tf.conv2dTranspose(
      x as tf.Tensor4D,
      filter as tf.Tensor4D,
      transposedTo as never,
      strides as never,
      padding as 'same',
    );
  }
  if (c.depthwise) {
    return tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, strides as never, padding as 'same');
  }
  if (c.dilations && native) return dilated(c, x, filter);
  const taps = c.dilations ? inflate(filter, c.dilations) : filter;
  if (volumes) return tf.conv3d(x as tf.Tensor5D, taps as tf.Tensor5D, strides as never, padding as 'same');
  return tf.conv2d(x as tf.Tensor4D, taps as tf.Tensor4D, strides as never, padding as 'same');
}

/** TensorFlow.js has no gradient of a dilated convolution; the engine's own operation has. */
function dilated(c: ConvolutionCase, x: tf.Tensor, filter: tf.Tensor): tf.Tensor {
  const bias = tf.zeros([filter.shape[filter.rank - 1]!]);
  return ops.conv3d(x, filter, {
    bias,
    padding: c.padding as 'same',
    dilations: c.dilations as [number, number, number],
  });
}

/** A scalar of the convolution of the inputs; `native` where the engine's own operations are to be used. */
export function convolutionProgram(c: ConvolutionCase, native: boolean): Program {
  return (x, filter, shift) => {
    const y = convolve(c, x!, filter!, native);
    return tf.sum(tf.mul(y, tf.add(y, shift!)));
  };
}
