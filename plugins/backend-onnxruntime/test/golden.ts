import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import type { OnnxRuntimeBackend } from '../src/backend.js';
import { probeBlock } from '../src/session/probe.js';
import { useEngine } from './engine-harness.js';

/** How the operand of a case lies in memory when it reaches the operation under test. */
export type Memory = 'dense' | 'channel-first' | 'blocked';

/** The layouts that this machine has; blocked memory needs ONNX Runtime's internal operators. */
export const memories: readonly Memory[] =
  probeBlock() > 0 ? ['dense', 'channel-first', 'blocked'] : ['dense', 'channel-first'];
if (probeBlock() === 0) console.warn('blocked memory is not tested: the start-up self-test refuses it on this machine');

/** Channels for which a convolution leaves its result in the given memory: whole blocks or not. */
export function channelsFor(memory: Memory): number {
  return memory === 'blocked' ? 16 : 5;
}

/** `x` [b, ...spatial, c], rank 4 or 5, in the given memory: the output of a convolution that copies. */
export function laidOut(x: tf.Tensor, memory: Memory): tf.Tensor {
  if (memory === 'dense' || tf.getBackend() !== 'onnxruntime') return x;
  const channels = x.shape[x.rank - 1]!;
  // In blocked memory a 3x3x3 convolution rounds (Winograd), so that volumes are doubled and then halved.
  const halves = memory === 'blocked' && x.rank === 5;
  const side = halves ? 2 : memory === 'blocked' ? 3 : 1;
  const taps = side ** (x.rank - 2);
  const own = halves ? 0 : (taps - 1) / 2;
  const eye = tf.eye(channels);
  const blank = tf.zerosLike(eye);
  const kernel = tf.stack(Array.from({ length: taps }, (_, index) => (index === own ? eye : blank)));
  const filter = tf.reshape(kernel, [...new Array<number>(x.rank - 2).fill(side), channels, channels]);
  if (halves) return tf.conv3d(doubled(x), filter as tf.Tensor5D, 2, 'valid');
  if (x.rank === 5) return tf.conv3d(x as tf.Tensor5D, filter as tf.Tensor5D, 1, 'same');
  return tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same');
}

/** Every element twice along each spatial axis. */
function doubled(x: tf.Tensor): tf.Tensor5D {
  return [1, 2, 3].reduce((value, axis) => {
    const shape = value.shape.map((length, index) => (index === axis ? 2 * length : length));
    return tf.reshape(tf.stack([value, value], axis + 1), shape);
  }, x) as tf.Tensor5D;
}

/** The layout key of a tensor after it was computed. */
export function layoutOf(x: tf.Tensor): string {
  x.dataSync();
  return (tf.backend() as OnnxRuntimeBackend).value(x).buffer!.layout;
}

export interface Result {
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
  readonly data: ArrayLike<number>;
}

/** The results of a program on the current backend. */
function evaluate(program: () => readonly tf.Tensor[]): Result[] {
  return tf.engine().tidy(
    () =>
      program().map((item) => ({
        shape: item.shape,
        dtype: item.dtype,
        data: Array.from(item.dataSync() as ArrayLike<number>),
      })) as never,
  ) as unknown as Result[];
}

export interface Tolerance {
  readonly relative?: number;
  readonly absolute?: number;
}

/** Whether two numbers agree: NaN with NaN, infinities exactly. */
function agree(found: number, expected: number, { relative = 1e-5, absolute = 1e-6 }: Tolerance): boolean {
  if (Number.isNaN(expected)) return Number.isNaN(found);
  if (!Number.isFinite(expected)) return found === expected;
  return Math.abs(found - expected) <= absolute + relative * Math.abs(expected);
}

export function expectSame(found: Result, expected: Result, tolerance: Tolerance = {}, label = ''): void {
  expect([label, found.shape, found.dtype]).toEqual([label, expected.shape, expected.dtype]);
  for (let index = 0; index < expected.data.length; index++) {
    const [a, b] = [found.data[index]!, expected.data[index]!];
    if (!agree(a, b, tolerance)) expect.fail(`${label} element ${index}: ${a} is not ${b}`);
  }
}

/** Runs a program on the CPU backend and on the engine, and compares every result. */
export async function expectLikeCpu(
  program: () => Readonly<Record<string, tf.Tensor>>,
  tolerance: Tolerance = {},
): Promise<void> {
  let names: string[] = [];
  const listed = () => {
    const results = program();
    names = Object.keys(results);
    return Object.values(results);
  };
  await tf.setBackend('cpu');
  const expected = evaluate(listed);
  await tf.setBackend('onnxruntime');
  const engine = tf.backend() as OnnxRuntimeBackend;
  engine.fallbacks.clear();
  const found = evaluate(listed);
  expect([...engine.fallbacks.keys()]).toEqual([]);
  found.forEach((item, index) => {
    expectSame(item, expected[index]!, tolerance, names[index]);
  });
}

/** A fresh engine, current. */
export async function freshEngine(): Promise<OnnxRuntimeBackend> {
  return useEngine({ threads: 1, cachedGraphs: 2 });
}
