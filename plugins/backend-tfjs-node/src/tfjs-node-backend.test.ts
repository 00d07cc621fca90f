import { Worker } from 'node:worker_threads';
import type { BackendSession } from '@dinomix/core';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createBatch, createParameters, gradientsOn, relativeL2, trainOn } from '../test/segmentation-network.mjs';
import { findTfjsNode } from './packages.js';
import { createTfjsNodeBackend } from './tfjs-node-backend.js';

const folder = process.env.DINOMIX_TFJS_NODE;
const missing = folder
  ? findTfjsNode('@tensorflow/tfjs-node', folder)?.addonPresent
    ? undefined
    : `DINOMIX_TFJS_NODE=${folder} holds no built node_modules/@tensorflow/tfjs-node`
  : 'DINOMIX_TFJS_NODE is not set; bench/peers/build-tfjs-node.sh builds the addon and prints its value';
if (missing) console.log(`skipped: the tests on libtensorflow (${missing})`);

test('webgpu is refused with the backend that has it', async () => {
  await expect(createTfjsNodeBackend().setup({ device: 'webgpu', threads: null })).rejects.toThrow(
    '@dinomix/backend-onnxruntime',
  );
});

describe.skipIf(missing !== undefined)('on libtensorflow', () => {
  const backend = createTfjsNodeBackend();
  let session: BackendSession<tf.Tensor>;

  beforeAll(async () => {
    session = await backend.setup({ device: 'cpu', threads: null });
  });

  afterAll(async () => {
    await session.dispose();
  });

  test('the session says what computes', async () => {
    expect(session).toMatchObject({ name: 'tensorflow', device: 'cpu', ops: {} });
    expect(session.facts).toMatchObject({ package: '@tensorflow/tfjs-node', version: '4.22.0', tfjsCore: '4.22.0' });
    expect(session.facts.libtensorflow).toMatch(/^2\.\d+\.\d+/);
    expect(tf.getBackend()).toBe('tensorflow');
    const cpu = (await backend.probe()).find(({ device }) => device === 'cpu');
    expect(cpu).toMatchObject({ works: true });
    expect(cpu?.note).toContain(`works with libtensorflow ${session.facts.libtensorflow}`);
  });

  // Both sides round to float32 after each operation and sum in different orders; the largest difference seen over these
  // cases is 1e-5, where a gradient is the small remainder of a sum. 1e-4 is what every engine of this project must keep.
  test.each([
    { seed: 1, kernel: 2, shape: [2, 8, 8, 8], slope: 0.01 },
    { seed: 2, kernel: 2, shape: [2, 8, 8, 8], slope: 1 },
    { seed: 3, kernel: 3, shape: [1, 7, 9, 6], slope: 0.01 },
    { seed: 4, kernel: 3, shape: [1, 5, 6, 11], slope: 1 },
  ] as const)(
    'gradients of a 3D network equal those of the CPU backend: %o',
    async ({ seed, kernel, shape, slope }) => {
      const problem = { parameters: createParameters(seed, kernel), batch: createBatch(seed, shape), slope };
      const native = await gradientsOn(tf, 'tensorflow', problem);
      const reference = await gradientsOn(tf, 'cpu', problem);
      expect(Math.abs(native.loss - reference.loss)).toBeLessThan(1e-5 * reference.loss);
      for (const [name, gradient] of Object.entries(reference.gradients)) {
        expect(relativeL2(native.gradients[name]!, gradient), name).toBeLessThan(1e-4);
      }
    },
  );

  test('twenty steps of training: losses fall, follow the CPU backend and repeat bit for bit', async () => {
    const problem = { parameters: createParameters(1, 2), batch: createBatch(1, [2, 8, 8, 8]), slope: 0.01 };
    const training = { ...problem, steps: 20, learningRate: 0.05, momentum: 0.9 };
    const native = await trainOn(tf, 'tensorflow', training);
    const again = await trainOn(tf, 'tensorflow', training);
    const reference = await trainOn(tf, 'cpu', { ...training, steps: 5 });
    expect(native.losses.at(-1)).toBeLessThan(0.6 * native.losses[0]!);
    reference.losses.forEach((loss, step) => {
      expect(Math.abs(native.losses[step]! - loss), `step ${step}`).toBeLessThan(1e-4 * loss);
    });
    expect(again.losses).toEqual(native.losses);
    expect(again.weights).toEqual(native.weights);
  });

  test('kernels that tfjs-node lacks run on the CPU backend and are counted', async () => {
    await tf.setBackend('tensorflow');
    const before = session.usage().fallbackKernels.SearchSorted ?? 0;
    const found = tf.upperBound(tf.tensor1d([0, 3, 9, 9, 10]), tf.tensor1d([2, 4, 9]));
    expect([...(await found.data())]).toEqual([1, 2, 4]);
    expect(session.usage().fallbackKernels.SearchSorted).toBe(before + 1);
  });

  test('tensors have their methods', () => {
    const x = tf.tensor1d([1, 2]) as tf.Tensor1D & { add(other: number): tf.Tensor1D };
    expect([...x.add(1).dataSync()]).toEqual([2, 3]);
  });

  test('int32 survives rounding', async () => {
    await tf.setBackend('tensorflow');
    expect([...(await tf.round(tf.tensor1d([-12345678, 10], 'int32')).data())]).toEqual([-12345678, 10]);
  });

  test('a disposed session is gone, and a new one computes', async () => {
    await session.dispose();
    expect(tf.findBackendFactory('tensorflow')).toBeNull();
    session = await backend.setup({ device: 'auto', threads: null });
    expect([...(await tf.square([1, 2, 3]).data())]).toEqual([1, 4, 9]);
  });

  test('the second package is refused in this process', async () => {
    await expect(backend.setup({ device: 'cuda', threads: null })).rejects.toThrow(
      'already loaded @tensorflow/tfjs-node,',
    );
  });

  test('the addon also loads in a worker thread', async () => {
    const installed = findTfjsNode('@tensorflow/tfjs-node', folder);
    const program = `
      const tf = require(require('node:worker_threads').workerData);
      require('node:worker_threads').parentPort.postMessage([...tf.matMul([[1, 2]], [[3], [4]]).dataSync()]);`;
    const worker = new Worker(program, { eval: true, workerData: installed?.folder });
    const answer = await new Promise((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
    await worker.terminate();
    expect(answer).toEqual([11]);
  });
});
