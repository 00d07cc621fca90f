import * as tf from '@tensorflow/tfjs-core';
import { type Program, values } from './engine-harness.js';

export interface PoolingCase {
  readonly name: string;
  readonly kind: 'max' | 'avg';
  readonly x: readonly number[];
  readonly kernel: number;
  readonly stride: number;
  readonly padding: 'same' | 'valid';
  /** All elements equal: the first of each window is the maximum. */
  readonly ties?: boolean;
}

/** Averages without padding: the gradient of TensorFlow.js's CPU backend counts the padding that its average leaves out. */
export const poolingCases: readonly PoolingCase[] = [
  { name: '2D maximum, tiles', kind: 'max', x: [2, 4, 6, 3], kernel: 2, stride: 2, padding: 'valid' },
  { name: '2D maximum, overlapping on odd sides', kind: 'max', x: [2, 7, 5, 2], kernel: 3, stride: 2, padding: 'same' },
  { name: '2D maximum, ties', kind: 'max', x: [1, 4, 5, 2], kernel: 2, stride: 1, padding: 'same', ties: true },
  { name: '2D average, overlapping', kind: 'avg', x: [2, 5, 6, 3], kernel: 3, stride: 1, padding: 'valid' },
  { name: '3D maximum, tiles', kind: 'max', x: [2, 4, 4, 6, 3], kernel: 2, stride: 2, padding: 'valid' },
  {
    name: '3D maximum, overlapping on odd sides',
    kind: 'max',
    x: [1, 3, 5, 4, 2],
    kernel: 3,
    stride: 2,
    padding: 'same',
  },
  { name: '3D average, overlapping', kind: 'avg', x: [2, 3, 5, 5, 2], kernel: 3, stride: 2, padding: 'valid' },
  { name: '3D average, a rest left out', kind: 'avg', x: [1, 5, 5, 8, 2], kernel: 2, stride: 3, padding: 'valid' },
];

export function poolingInputs({ x, ties }: PoolingCase): () => tf.Tensor[] {
  return () => [ties ? tf.ones([...x]) : values(x, 5), values(x, 6)];
}

/** A scalar whose gradient differs from window to window. */
export function poolingProgram({ kind, x: shape, kernel, stride, padding }: PoolingCase): Program {
  return (x, other) => {
    const pools = { max: { 4: tf.maxPool, 5: tf.maxPool3d }, avg: { 4: tf.avgPool, 5: tf.avgPool3d } };
    const operation = pools[kind][shape.length as 4 | 5] as typeof tf.maxPool;
    const pool = (t: tf.Tensor) => operation(t as tf.Tensor4D, kernel, stride, padding);
    return tf.sum(tf.mul(pool(x!), pool(other!)));
  };
}
