import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { values } from '../../test/engine-harness.js';
import {
  channelsFor,
  expectLikeCpu,
  freshEngine,
  laidOut,
  layoutOf,
  type Memory,
  memories,
} from '../../test/golden.js';

beforeAll(async () => {
  await freshEngine();
});

const kernel = (name: string, inputs: Record<string, tf.Tensor>, attributes = {}): tf.Tensor =>
  tf.engine().runKernel(name, inputs as never, attributes as never) as tf.Tensor;

const image = (memory: Memory, seed: number, range = 4) =>
  laidOut(values([2, 3, 4, 5, channelsFor(memory)], seed, range), memory);
const perChannel = (memory: Memory, seed: number) => values([channelsFor(memory)], seed, 3);

/** Functions of any real number. */
const EVERYWHERE = [
  'Abs',
  'Neg',
  'Square',
  'Sign',
  'Relu',
  'Relu6',
  'Floor',
  'Ceil',
  'Round',
  'Exp',
  'Expm1',
  'Sin',
  'Cos',
  'Atan',
  'Sinh',
  'Cosh',
  'Asinh',
  'Tanh',
  'Sigmoid',
  'Erf',
  'Softplus',
  'Elu',
  'Selu',
  'IsNan',
  'IsInf',
  'IsFinite',
] as const;
const POSITIVE = ['Log', 'Log1p', 'Sqrt', 'Rsqrt', 'Reciprocal'] as const;
const INSIDE_ONE = ['Asin', 'Acos', 'Atanh', 'Tan', 'Expm1', 'Log1p'] as const;
const BINARY = [
  'Add',
  'Sub',
  'Multiply',
  'RealDiv',
  'SquaredDifference',
  'Maximum',
  'Minimum',
  'Mod',
  'FloorDiv',
  'Atan2',
  'Equal',
  'NotEqual',
  'Greater',
  'GreaterEqual',
  'Less',
  'LessEqual',
] as const;

const each = (names: readonly string[], x: tf.Tensor) =>
  Object.fromEntries(names.map((name) => [name, kernel(name, { x })]));

describe('the helper that fixes the memory', () => {
  it.each(memories)('%s', (memory) => {
    const layouts = { dense: '/1/0.1.2.3.4', 'channel-first': '/1/0.4.1.2.3', blocked: '4/16/0.1.4.2.3.5' };
    const found = layoutOf(image(memory, 1));
    if (memory === 'blocked') expect(found).toMatch(/^4\/(8|16)\/0\.1\.4\.2\.3\.5$/);
    else expect(found).toBe(layouts[memory]);
  });
});

describe.each(memories)('elementwise operations, %s memory', (memory) => {
  it('of one operand', async () => {
    await expectLikeCpu(() => each(EVERYWHERE, image(memory, 1)));
    await expectLikeCpu(() => each(POSITIVE, tf.add(image(memory, 2), 2.5)));
    await expectLikeCpu(() => each(INSIDE_ONE, image(memory, 3, 1.9)), { relative: 1e-4 });
  });

  it('of two operands: full size, per channel, per item and channel, scalar, per row', async () => {
    await expectLikeCpu(
      () => {
        const a = image(memory, 4);
        const others = {
          full: values(a.shape, 5, 3),
          perChannel: perChannel(memory, 6),
          perItem: values([2, 1, 1, 1, channelsFor(memory)], 7, 3),
          perRow: values([4, 1, 1], 8, 3),
          scalar: tf.scalar(1.5),
        };
        const results: Record<string, tf.Tensor> = {};
        for (const [kind, b] of Object.entries(others)) {
          for (const name of BINARY) {
            results[`${name} ${kind}`] = kernel(name, { a, b });
            results[`${name} ${kind} swapped`] = kernel(name, { a: b, b: a });
          }
        }
        return results;
      },
      { absolute: 1e-5 },
    );
  });

  it('with attributes, choices and gradients', async () => {
    await expectLikeCpu(() => {
      const x = image(memory, 9);
      const y = values(x.shape, 10, 2);
      const alpha = perChannel(memory, 11);
      const mask = tf.greater(y, 0);
      return {
        leakyRelu: tf.leakyRelu(x, 0.1),
        step: tf.step(x, 0.25),
        clip: tf.clipByValue(x, -0.5, 0.75),
        prelu: tf.prelu(x, alpha),
        preluBroadcastUp: tf.prelu(alpha, y),
        pow: tf.pow(tf.abs(x), alpha),
        eluGrad: tf.grad((value) => tf.elu(value))(x),
        preluGrad: tf.grad((value) => tf.prelu(value, alpha))(x),
        preluSlopeGrad: tf.grad((slope) => tf.prelu(x, slope))(alpha),
        relu6Grad: tf.grad((value) => tf.relu6(value))(x),
        clipGrad: tf.grad((value) => tf.clipByValue(value, -1, 1))(x),
        maximumGrad: tf.grad((value) => tf.maximum(value, y))(x),
        select: tf.where(mask, x, y),
        addN: tf.addN([x, y, x]),
        logicalAnd: tf.logicalAnd(mask, tf.less(x, 1)),
        logicalOr: tf.logicalOr(mask, tf.less(x, 1)),
        logicalNot: tf.logicalNot(mask),
        castInt: tf.cast(x, 'int32'),
        castBool: tf.cast(tf.round(x), 'bool'),
      };
    });
  });
});

describe('non-finite values', () => {
  const special = () =>
    tf.tensor1d([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, -2, 1e-30, 3e38]);

  it('go through functions of one operand as on the CPU backend', async () => {
    await expectLikeCpu(() => ({
      ...each(EVERYWHERE, special()),
      ...each(POSITIVE, special()),
      leakyRelu: tf.leakyRelu(special(), 0.1),
      prelu: tf.prelu(special(), tf.scalar(0.3) as unknown as tf.Tensor1D),
      step: tf.step(special(), 0.25),
      clip: tf.clipByValue(special(), -0.5, 0.75),
    }));
  });

  it('go through functions of two operands as on the CPU backend', async () => {
    await expectLikeCpu(() => {
      const a = tf.expandDims(special(), 1);
      const b = tf.expandDims(special(), 0);
      const names = BINARY.filter((name) => name !== 'FloorDiv');
      return Object.fromEntries(names.map((name) => [name, kernel(name, { a, b })]));
    });
  });
});

describe('whole numbers and booleans', () => {
  it('keep their type and their 32 bits', async () => {
    await expectLikeCpu(() => {
      const a = tf.tensor1d([7, -7, 2 ** 30 + 1, -(2 ** 30) - 1, 0, 5], 'int32');
      const b = tf.tensor1d([3, 3, 7, 5, -4, -3], 'int32');
      const p = tf.tensor1d([1, 0, 1, 1, 0, 0], 'bool');
      // Products that overflow are left out: the CPU backend rounds them to a double before it wraps them.
      const names = BINARY.filter((name) => !['RealDiv', 'Atan2', 'Multiply', 'SquaredDifference'].includes(name));
      const whole = ['Abs', 'Neg', 'Sign', 'Relu', 'Relu6', 'Floor', 'Ceil', 'Round'];
      return {
        ...Object.fromEntries(names.map((name) => [name, kernel(name, { a, b })])),
        ...Object.fromEntries(whole.map((name) => [name, kernel(name, { x: a })])),
        BitwiseAnd: kernel('BitwiseAnd', { a, b }),
        sumOfBools: tf.add(tf.cast(p, 'int32'), p),
        selectBool: tf.where(p, tf.logicalNot(p), p),
        selectInt: tf.where(p, a, b),
        product: tf.mul(b, p),
        squares: tf.squaredDifference(b, tf.scalar(2, 'int32')),
        mixed: tf.mul(a, tf.scalar(0.5)),
        clip: tf.clipByValue(b, -2, 2),
        compareBools: tf.equal(p, tf.logicalNot(p)),
        castToFloat: tf.cast(p, 'float32'),
      };
    });
  });

  it('divided by zero give zero, as in a JavaScript Int32Array', async () => {
    const a = tf.tensor1d([5, -5, 0], 'int32');
    const zero = tf.scalar(0, 'int32');
    expect([...tf.floorDiv(a, zero).dataSync()]).toEqual([0, 0, 0]);
    expect([...tf.mod(a, zero).dataSync()]).toEqual([0, 0, 0]);
  });
});

describe('a choice by rows', () => {
  it('takes whole rows of either side', () => {
    const condition = tf.tensor1d([1, 0], 'bool');
    const rows = kernel('Select', { condition, t: tf.ones([2, 3]), e: tf.zeros([2, 3]) });
    expect([...rows.dataSync()]).toEqual([1, 1, 1, 0, 0, 0]);
  });
});

describe('numbers that change from step to step', () => {
  it('clip bounds, fill and padding values reach the graph as inputs: one session serves them all', async () => {
    const engine = await freshEngine();
    for (const bound of [0.5, 1, Number.POSITIVE_INFINITY]) {
      const x = tf.tensor1d([0.25, 2]);
      const padded = tf.pad(tf.clipByValue(x, 0, bound), [[1, 0]], bound);
      const shifted = tf.add(padded, tf.fill([3], bound));
      expect([...shifted.dataSync()]).toEqual([2 * bound, 0.25 + bound, Math.min(2, bound) + bound]);
      tf.dispose([x, padded, shifted]);
    }
    expect(engine.cacheStatistics().misses).toBe(1);
  });

  it('names the line of the operation whose shapes do not fit', () => {
    expect(() => tf.add(tf.ones([2, 3]), tf.ones([4]))).toThrow(
      'Operands could not be broadcast together with shapes 2,3 and 4.',
    );
  });
});
