import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { differentiate, labels, relativeError, useEngine, useReference, values } from '../test/engine-harness.js';
import { type NetworkOps, plainOps, vnetLoss, vnetShapes } from '../test/small-vnet.js';
import { conv3d, conv3dTranspose, normActivation, softmaxCrossEntropyDice } from './ops/tensor-ops.js';

const fusedOps: NetworkOps = {
  conv: (x, filter, bias, stride) =>
    conv3d(x, filter, { bias, strides: [stride, stride, stride], padding: stride === 1 ? 'same' : 'valid' }),
  up: (x, filter, bias) => conv3dTranspose(x, filter, { bias, strides: [2, 2, 2] }),
  norm: (x, scale, offset, slope) => normActivation(x, { norm: 'instance', scale, offset, slope, training: true }),
  loss: (logits, target) => softmaxCrossEntropyDice(logits, target, { crossEntropy: 1, dice: 1 }),
};

const shapes = vnetShapes(16, 5);

/** Random weights of a sensible size, so that no layer saturates. */
function weights(seed: number): tf.Tensor[] {
  return shapes.map(([name, shape], index) => {
    const fanIn = name.endsWith('filter') ? shape.slice(0, -1).reduce((a, b) => a * b, 1) : 1;
    const drawn = values(shape, seed * 100 + index, name.endsWith('filter') ? 2 * Math.sqrt(3 / fanIn) : 0.5);
    return name.endsWith('scale') ? tf.add(drawn, 1) : drawn;
  });
}

/** Gradients of a bias before instance normalisation are zero: what is found is rounding, of no size of its own. */
const vanishing = (name: string) => name.endsWith('.bias') && name !== 'head.bias';

describe('single-step gradients of a whole V-Net against the CPU backend', () => {
  const cases = [
    { seed: 1, sides: [4, 8, 8] },
    { seed: 2, sides: [6, 10, 4] },
    { seed: 3, sides: [2, 6, 14] },
  ];
  // Leaky ReLU with slope 1 has no kink: rounding alone moves a pre-activation across a kink and flips its gradient.
  it.each(cases)(
    'seed $seed, sides $sides: relative L2 below 1e-4 per tensor, blocked and dense, fused and composed',
    async ({ seed, sides }) => {
      const image = () => values([2, ...sides, 1], seed + 50, 3.4);
      const target = () => labels([2, ...sides], seed + 60, 5);
      const run = (ops: NetworkOps) =>
        differentiate(((...tensors: tf.Tensor[]) => vnetLoss(ops, image(), target(), tensors, 1)) as never, () =>
          weights(seed),
        );
      await useReference();
      const expected = run(plainOps);
      for (const lowering of ['auto', 'dense'] as const) {
        await useEngine({ lowering });
        for (const ops of [fusedOps, plainOps]) {
          const found = run(ops);
          expect(relativeError(found.value, expected.value)).toBeLessThan(1e-5);
          shapes.forEach(([name], index) => {
            if (vanishing(name)) expect(Math.max(...found.gradients[index]!.map(Math.abs))).toBeLessThan(1e-5);
            else expect(relativeError(found.gradients[index]!, expected.gradients[index]!), name).toBeLessThan(1e-4);
          });
        }
      }
    },
  );

  it('gives the same bits twice, on one and on two threads', async () => {
    const run = async (threads: number) => {
      await useEngine({ threads });
      const found = differentiate(
        ((...tensors: tf.Tensor[]) =>
          vnetLoss(fusedOps, values([2, 4, 8, 8, 1], 1, 3), labels([2, 4, 8, 8], 2, 5), tensors, 0.01)) as never,
        () => weights(9),
      );
      return [found.value, ...found.gradients];
    };
    for (const threads of [1, 2]) expect(await run(threads)).toEqual(await run(threads));
  });
});

describe('failures say what and where', () => {
  it('names a graph that ONNX Runtime refuses by operation, shapes and line', async () => {
    const backend = await useEngine();
    backend.recordOrigins = true;
    // A value of the wrong type, recorded past the kernels' own checks.
    const x = tf.tensor1d([1, 2]);
    const broken = () => backend.recordOne('Pad', [x], { before: [-5], after: [0], value: 0 }, [2], 'float32');
    const info = broken();
    expect(() => backend.readSync(info.dataId)).toThrow(
      /Pad: float32\[2\] -> float32\[2\][\s\S]*network-gradients\.test\.ts/,
    );
    backend.disposeData(info.dataId);
  });

  it('names the patch as the lever where memory runs out, in the graph and for its results', async () => {
    await useEngine();
    const side = 2 ** 24;
    const huge = () => tf.matMul(tf.ones([side, 1]), tf.fill([1, side], 2));
    const failure = (run: () => void) => {
      try {
        run();
      } catch (error) {
        return error as Error & { code: string };
      }
      return undefined;
    };
    for (const run of [() => tf.sum(huge()).dataSync(), () => huge().dataSync()]) {
      const error = failure(() => tf.tidy(() => void run()));
      expect(error?.code).toBe('DMX_ENGINE_MEMORY');
      expect(error?.message).toMatch(/train\.patch[\s\S]*Checkpoints on disk are untouched/);
    }
    // The engine goes on afterwards.
    expect(tf.tidy(() => tf.sum(tf.ones([3])).dataSync()[0])).toBe(3);
  });

  it('hands NaN on through a convolution, within its sample', async () => {
    await useEngine();
    const found = tf.tidy(() => {
      const data = values([2, 6, 4, 4, 16], 1).dataSync().slice();
      data[((2 * 4 + 1) * 4 + 1) * 16] = Number.NaN;
      const x = tf.tensor5d(data as Float32Array, [2, 6, 4, 4, 16]);
      const y = tf.conv3d(x, values([3, 3, 3, 16, 16], 2) as tf.Tensor5D, 1, 'same');
      return {
        near: tf.slice(y, [0, 1, 0, 0, 0], [1, 3, 3, 3, 16]).dataSync(),
        other: tf.slice(y, [1, 0, 0, 0, 0]).dataSync(),
      };
    });
    expect(found.near.every(Number.isNaN)).toBe(true);
    expect(found.other.every(Number.isFinite)).toBe(true);
  });

  it('reports a shape error at the line of the operation', async () => {
    await useEngine();
    expect(() => tf.matMul(tf.ones([2, 3]), tf.ones([4, 2]))).toThrow(/inner shapes/);
    expect(() =>
      tf.conv3d(tf.ones([1, 4, 4, 4, 3]) as tf.Tensor5D, tf.ones([3, 3, 3, 4, 8]) as tf.Tensor5D, 1, 'same'),
    ).toThrow(/depth/);
  });
});

describe('the internal blocked operators', () => {
  it('are left out by themselves where they are refused, with the same results', async () => {
    process.env.DINOMIX_ENGINE_LOWERING = 'dense';
    try {
      const dense = await useEngine();
      expect(dense.settings.target.block).toBe(0);
    } finally {
      delete process.env.DINOMIX_ENGINE_LOWERING;
    }
    expect([0, 8, 16]).toContain((await useEngine()).settings.target.block);
  });
});
