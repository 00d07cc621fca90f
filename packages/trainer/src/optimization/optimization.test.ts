import '../../test/backend.js';
import type { Optimizer, ParameterSpec, StepPosition } from '@dinomix/core';
import { scalar, type Tensor, zeros } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { expectNumbers, readNumbers, type StoredArray, toTensor } from '../../test/numbers.js';
import { createAdam } from './adam.js';
import { createConstant, createPoly, lossWeightAt } from './schedules.js';
import { createSgd } from './sgd.js';

interface Trajectory {
  readonly name: string;
  readonly start: [StoredArray, StoredArray];
  readonly rates: number[];
  readonly gradients: [StoredArray, StoredArray][];
  readonly after: [StoredArray, StoredArray][];
}

const sgd = { learningRate: 1, momentum: 0.9, nesterov: true, weightDecay: 3e-2 };
const adam = { learningRate: 1, betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 3e-2, decoupled: false } as const;
const OPTIMIZERS: Readonly<Record<string, Optimizer<Tensor>>> = {
  'sgd-nesterov': createSgd(sgd),
  'sgd-momentum': createSgd({ ...sgd, nesterov: false }),
  sgd: createSgd({ ...sgd, momentum: 0, nesterov: false }),
  adam: createAdam(adam),
  adamw: createAdam({ ...adam, decoupled: true }),
};

function specsOf(start: readonly StoredArray[]): ParameterSpec[] {
  const initializer = { kind: 'constant', value: 0 } as const;
  return [
    { name: 'decayed', shape: start[0]!.shape, initializer, trainable: true, decay: true },
    { name: 'fixed', shape: start[1]!.shape, initializer, trainable: true, decay: false },
  ];
}

function initialState(optimizer: Optimizer<Tensor>, parameters: readonly ParameterSpec[]): Record<string, Tensor> {
  return Object.fromEntries(optimizer.state(parameters).map((spec) => [spec.name, zeros([...spec.shape])]));
}

describe('optimizers follow PyTorch over five steps with a changing rate', () => {
  it.each(readNumbers<Trajectory>('optimizers'))('$name', ({ name, start, rates, gradients, after }) => {
    const optimizer = OPTIMIZERS[name]!;
    const parameters = specsOf(start);
    let weights: Record<string, Tensor> = { decayed: toTensor(start[0]), fixed: toTensor(start[1]) };
    let state = initialState(optimizer, parameters);
    rates.forEach((rate, step) => {
      const [decayed, fixed] = gradients[step]!.map((stored) => toTensor(stored));
      const given = { parameters, weights, state, gradients: { decayed: decayed!, fixed: fixed! } };
      const result = optimizer.apply({ ...given, learningRate: scalar(rate) });
      weights = { ...weights, ...result.weights };
      state = { ...state, ...result.state };
      expectNumbers(weights.decayed!, after[step]![0], 2e-6, `decayed after step ${step}`);
      expectNumbers(weights.fixed!, after[step]![1], 2e-6, `fixed after step ${step}`);
    });
  });

  it.each(Object.entries(OPTIMIZERS))('%s leaves a parameter without a gradient as it is', (_, optimizer) => {
    const [, , trajectory] = readNumbers<Trajectory>('optimizers');
    const parameters = specsOf(trajectory!.start);
    const weights = { decayed: toTensor(trajectory!.start[0]), fixed: toTensor(trajectory!.start[1]) };
    const state = initialState(optimizer, parameters);
    const gradients = { fixed: toTensor(trajectory!.gradients[0]![1]) };
    const result = optimizer.apply({ parameters, weights, state, gradients, learningRate: scalar(0.1) });
    expect(Object.keys(result.weights)).toEqual(['fixed']);
    expect(Object.keys(result.state).filter((key) => key.endsWith('/decayed'))).toEqual([]);
  });
});

function at(epoch: number, stepInEpoch = 0): StepPosition {
  return { epoch, epochs: 10, step: epoch * 4 + stepInEpoch, stepInEpoch, stepsPerEpoch: 4 };
}

describe('schedules', () => {
  it('poly falls per epoch', () => {
    const { factor } = createPoly({ power: 0.9, per: 'epoch', lag: 0 });
    expect(factor(at(0, 3))).toBe(1);
    // 0.5^0.9 and 0.1^0.9
    expect(factor(at(5))).toBeCloseTo(0.5358867, 6);
    expect(factor(at(9))).toBeCloseTo(0.1258925, 6);
  });

  it('poly falls per step', () => {
    const { factor } = createPoly({ power: 2, per: 'step', lag: 0 });
    expect(factor(at(2, 2))).toBeCloseTo((1 - 10 / 40) ** 2, 12);
  });

  it('poly with lag 1 keeps the first rate for two epochs', () => {
    const { factor } = createPoly({ power: 0.9, per: 'epoch', lag: 1 });
    expect([factor(at(0)), factor(at(1))]).toEqual([1, 1]);
    expect(factor(at(6))).toBeCloseTo(0.5358867, 6);
  });

  it('constant stays', () => {
    expect(createConstant().factor(at(7))).toBe(1);
  });
});

const steady = { per: 'step', lag: 0, length: 1, students: null } as const;

describe('loss weights', () => {
  it('constant', () => {
    expect(lossWeightAt({ ...steady, weight: 3, ramp: 'constant' }, at(0))).toBe(3);
  });

  it('gaussian starts at exp(-5) and reaches the weight at its length', () => {
    const weight = { ...steady, weight: 2, ramp: 'gaussian', per: 'epoch', length: 0.5 } as const;
    expect(lossWeightAt(weight, at(0))).toBeCloseTo(2 * 0.006737947, 9);
    // exp(-5 · 0.6²) at epoch 2 of 5
    expect(lossWeightAt(weight, at(2, 3))).toBeCloseTo(2 * 0.1652989, 6);
    expect(lossWeightAt(weight, at(5))).toBe(2);
    expect(lossWeightAt(weight, at(9))).toBe(2);
  });

  it('linear counts steps', () => {
    const weight = { ...steady, weight: 1, ramp: 'linear', length: 0.25 } as const;
    expect(lossWeightAt(weight, at(1, 1))).toBeCloseTo(0.5, 12);
    expect(lossWeightAt(weight, at(4))).toBe(1);
  });

  it('counts epochs or steps, and comes late where it is told to', () => {
    const late = { ...steady, weight: 1, ramp: 'gaussian', per: 'epoch', lag: 1 } as const;
    // exp(-5 (1 - 0 / 10)²) in epochs 0 and 1, exp(-5 · 0.9²) in epoch 2.
    expect(lossWeightAt(late, at(0))).toBeCloseTo(0.006737947, 9);
    expect(lossWeightAt(late, at(1, 3))).toBeCloseTo(0.006737947, 9);
    expect(lossWeightAt(late, at(2))).toBeCloseTo(0.01742237, 8);
    // Step 9 of 40, one step late: 8 / 40.
    expect(lossWeightAt({ ...steady, weight: 1, ramp: 'linear', lag: 1 }, at(2, 1))).toBeCloseTo(0.2, 12);
    expect(lossWeightAt({ ...steady, weight: 1, ramp: 'linear', per: 'epoch' }, at(2, 3))).toBeCloseTo(0.2, 12);
  });

  it('cosine rises, then falls along a half cosine to a tenth at the end', () => {
    const weight = { ...steady, weight: 2, ramp: 'cosine', length: 0.2 } as const;
    expect(lossWeightAt(weight, at(1))).toBeCloseTo(1, 12);
    expect(lossWeightAt(weight, at(2))).toBeCloseTo(2, 12);
    expect(lossWeightAt(weight, at(6))).toBeCloseTo(2 * 0.55, 12);
    expect(lossWeightAt(weight, at(10))).toBeCloseTo(0.2, 12);
    expect(lossWeightAt({ ...steady, weight: 1, ramp: 'cosine' }, at(10))).toBe(1);
  });
});
