import * as tf from '@tensorflow/tfjs-core';
import { expect, test, vi } from 'vitest';
import { createCpuBackend } from './cpu-backend.js';

const backend = createCpuBackend();

test.each(['webgpu', 'cuda'] as const)('%s is refused with the backend that may have it', async (device) => {
  await expect(backend.setup({ device, threads: null })).rejects.toThrow(
    `Device "${device}" was asked for, but the cpu backend is plain JavaScript; @dinomix/backend-onnxruntime`,
  );
});

test('a session makes the backend current and says what computes, without the advice to install another', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  expect(tf.getGradient('Square')).toBeUndefined();
  const session = await backend.setup({ device: 'auto', threads: null });
  expect(session).toMatchObject({ name: 'cpu', device: 'cpu', facts: { version: '4.22.0', threads: 1 } });
  expect(tf.getBackend()).toBe('cpu');
  const x = tf.tensor1d([1, 2]);
  expect(session.usage()).toEqual({ tensors: 1, bytes: 8, fallbackKernels: {} });
  x.dispose();
  expect(warn).not.toHaveBeenCalled();
  expect(tf.env().getBool('PROD')).toBe(false);
  warn.mockRestore();
});

test('gradients and tensor methods are there, and a second session leaves them', async () => {
  // tfjs-core declares the methods in the files that register them, which Node cannot import.
  interface Chained extends tf.Tensor {
    add(other: tf.Tensor): Chained;
    mul(factor: number): Chained;
    square(): Chained;
  }
  await backend.setup({ device: 'cpu', threads: null });
  const methods = tf.Tensor.prototype as Chained;
  const [square, add] = [tf.getGradient('Square'), methods.add];
  await backend.setup({ device: 'cpu', threads: null });
  expect(tf.getGradient('Square')).toBe(square);
  expect(methods.add).toBe(add);
  // d/dx (x² + 3x) = 2x + 3
  const derivative = tf.grad((x) => (x as Chained).square().add((x as Chained).mul(3)));
  expect([...derivative(tf.tensor1d([-1, 0, 2])).dataSync()]).toEqual([1, 3, 7]);
});

test('conv3dTranspose has its gradient', async () => {
  await backend.setup({ device: 'cpu', threads: null });
  // Two voxels, a filter of two taps, stride 2: y = [3, 4, 6, 8].
  const x = tf.tensor5d([1, 2], [1, 1, 1, 2, 1]);
  const filter = tf.tensor5d([3, 4], [1, 1, 2, 1, 1]);
  const transpose = (input: tf.Tensor, taps: tf.Tensor): tf.Tensor =>
    tf.conv3dTranspose(input as tf.Tensor5D, taps as tf.Tensor5D, [1, 1, 1, 4, 1], [1, 1, 2], 'same');
  expect([...transpose(x, filter).dataSync()]).toEqual([3, 4, 6, 8]);
  const [dx, dfilter] = tf.grads(transpose)([x, filter], tf.tensor5d([1, 10, 100, 1000], [1, 1, 1, 4, 1]));
  expect([...dx!.dataSync()]).toEqual([1 * 3 + 10 * 4, 100 * 3 + 1000 * 4]);
  expect([...dfilter!.dataSync()]).toEqual([1 * 1 + 100 * 2, 10 * 1 + 1000 * 2]);
});

test('probe knows the one device', async () => {
  expect((await backend.probe()).filter(({ works }) => works).map(({ device }) => device)).toEqual(['cpu']);
});
