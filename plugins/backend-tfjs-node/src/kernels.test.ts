import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { correctIntegerRound, registerFallbackKernels } from './kernels.js';

const LACKING = ['SearchSorted', 'SparseReshape'];
const calls: Record<string, number> = {};
let added: readonly string[];

// A second instance of the CPU backend, with data of its own, stands in for libtensorflow.
beforeAll(async () => {
  await tf.setBackend('cpu');
  for (const kernel of tf.getKernelsForBackend('cpu')) {
    if (!LACKING.includes(kernel.kernelName)) tf.registerKernel({ ...kernel, backendName: 'tensorflow' });
  }
  tf.registerBackend('tensorflow', () => new MathBackendCPU());
  added = registerFallbackKernels(tf, calls);
  await tf.setBackend('tensorflow');
});

afterAll(() => {
  tf.removeBackend('tensorflow');
});

test('exactly the missing kernels are added', () => {
  expect([...added].sort()).toEqual(LACKING);
});

test('a missing kernel runs on the CPU backend, is counted, and leaves no data behind there', async () => {
  const cpu = tf.findBackend('cpu') as MathBackendCPU;
  const before = cpu.numDataIds();
  const sorted = tf.tensor2d([0, 3, 9, 9, 10, 1, 2, 3, 4, 5], [2, 5]);
  const found = tf.upperBound(sorted, tf.tensor2d([2, 4, 9, 0, 2, 6], [2, 3]));
  // The example of tf.upperBound's documentation.
  expect([...(await found.data())]).toEqual([1, 2, 4, 0, 2, 5]);
  expect(calls).toEqual({ SearchSorted: 1 });
  expect(cpu.numDataIds()).toBe(before);
  expect([...(await tf.add(tf.cast(found, 'float32'), 1).data())]).toEqual([2, 3, 5, 1, 3, 6]);
});

test('a kernel with two outputs gives both', async () => {
  const { outputIndices, outputShape } = tf.sparse.sparseReshape(
    [
      [0, 0],
      [1, 2],
    ],
    [2, 3],
    [3, -1],
  );
  expect(await outputIndices!.array()).toEqual([
    [0, 0],
    [2, 1],
  ]);
  expect(await outputShape!.array()).toEqual([3, 2]);
});

test('an error of the kernel reaches the caller and leaves no data behind', () => {
  const cpu = tf.findBackend('cpu') as MathBackendCPU;
  const before = cpu.numDataIds();
  expect(() => tf.sparse.sparseReshape([[0, 0]], [2, 3], [4, 4])).toThrow(/Input to reshape/);
  expect(cpu.numDataIds()).toBe(before);
});

test('round keeps int32 values when the native kernel loses them, and stays native for float32', async () => {
  const native = tf.getKernel(tf.Round, 'tensorflow');
  tf.unregisterKernel(tf.Round, 'tensorflow');
  tf.registerKernel({
    ...native,
    kernelFunc: (args) => {
      const x = args.inputs.x as tf.TensorInfo;
      if (x.dtype !== 'int32') return native.kernelFunc(args);
      const backend = args.backend as MathBackendCPU;
      return { dataId: backend.write(new Int32Array(3), x.shape, 'int32'), shape: x.shape, dtype: 'int32' };
    },
  });
  const integers = tf.tensor1d([-12345678, 10, 12345678], 'int32');
  expect([...(await tf.round(integers).data())]).toEqual([0, 0, 0]);
  correctIntegerRound(tf);
  expect([...(await tf.round(integers).data())]).toEqual([-12345678, 10, 12345678]);
  expect([...(await tf.round([1.5, 2.5, -1.2]).data())]).toEqual([2, 2, -1]);
});
