import * as tf from '@tensorflow/tfjs-core';
import { OnnxRuntimeBackend } from '../src/backend.js';
import { type EngineOptions, registerOnnxRuntime } from '../src/engine.js';
import type { ExecutionProvider } from '../src/lowering/context.js';

export type Gradients = { readonly value: Float32Array; readonly gradients: Float32Array[] };
export type Program = (...tensors: tf.Tensor[]) => tf.Tensor;

/** Makes a fresh ONNX Runtime backend with these options current. */
export async function useEngine(options: EngineOptions = {}): Promise<OnnxRuntimeBackend> {
  if (tf.engine().registryFactory.onnxruntime) tf.removeBackend('onnxruntime');
  registerOnnxRuntime(options);
  await tf.setBackend('onnxruntime');
  return tf.backend() as OnnxRuntimeBackend;
}

/** Lowers as for `provider` and computes on the CPU, so that the lowering is tested on any machine. */
export async function useLoweringFor(provider: ExecutionProvider): Promise<void> {
  const { settings } = await useEngine();
  tf.removeBackend('onnxruntime');
  const target = { ...settings.target, provider, block: 0 };
  tf.registerBackend('onnxruntime', () => new OnnxRuntimeBackend({ ...settings, target }));
  await tf.setBackend('onnxruntime');
}

/** Makes TensorFlow.js's CPU backend current: the reference. */
export async function useReference(): Promise<void> {
  await tf.setBackend('cpu');
}

/** Reproducible values in [-k/2, k/2), from a linear congruential generator. */
export function values(shape: readonly number[], seed: number, k = 1): tf.Tensor {
  let state = (seed * 2654435761) >>> 0;
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return k * (state / 4294967296 - 0.5);
  });
  return tf.tensor(data, [...shape]);
}

/** Class ids in [0, classes). */
export function labels(shape: readonly number[], seed: number, classes: number): tf.Tensor {
  const data = values(shape, seed).dataSync();
  return tf.tensor(
    Int32Array.from(data, (item) => Math.floor((item + 0.5) * classes)),
    [...shape],
    'int32',
  );
}

/** Value and gradients of a scalar program on the current backend. */
export function differentiate(program: Program, inputs: () => tf.Tensor[]): Gradients {
  return tf.engine().tidy(() => {
    const { value, grads } = tf.valueAndGrads(program)(inputs());
    return {
      value: value.dataSync() as Float32Array,
      gradients: grads.map((gradient) => gradient.dataSync() as Float32Array),
    } as never;
  });
}

/** |a - b| / |b| in the 2-norm. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} values against ${b.length}`);
  let difference = 0;
  let size = 0;
  for (let index = 0; index < b.length; index++) {
    difference += (a[index]! - b[index]!) ** 2;
    size += b[index]! ** 2;
  }
  return Math.sqrt(difference / size);
}

/** Errors of value and gradients, in order. */
export function errors(found: Gradients, expected: Gradients): number[] {
  return [found.value, ...found.gradients].map((item, index) =>
    relativeError(item, [expected.value, ...expected.gradients][index]!),
  );
}
