import { type KernelConfig, util } from '@tensorflow/tfjs-core';
import { defineKernel, type Input } from './define.js';
import { scalarLeaf } from './leaf.js';

export type Distribution = 'uniform' | 'normal' | 'bernoulli';

export interface CounterRandomAttributes {
  shape: readonly number[];
  distribution: Distribution;
  /** Of a one; read by `bernoulli` alone. No part of the graph's structure. */
  probability?: number;
}

/** Longest tensor whose blocks of four numbers a 32-bit counter can number. */
const LARGEST = 2 ** 34;

/**
 * Random numbers inside the graph. `key` [2 to 4] holds whole numbers: two words of key, then up to two words of
 * counter, absent ones being 0.
 */
const counterRandom = defineKernel<Input<'key'>, CounterRandomAttributes>(
  'CounterRandom',
  (backend, { key }, { shape, distribution, probability = 0.5 }) => {
    const words = key.shape[0] ?? 0;
    const size = util.sizeFromShape([...shape]);
    util.assert(
      key.shape.length === 1 && words >= 2 && words <= 4,
      () => `counterRandom: the key has shape [${key.shape}]; it must be a list of 2 to 4 whole numbers`,
    );
    util.assert(size <= LARGEST, () => `counterRandom: [${shape}] has more than ${LARGEST} elements`);
    const inputs = [backend.value(key)];
    if (distribution === 'bernoulli') inputs.push(scalarLeaf(probability, 'float32'));
    return backend.tensor(backend.compose('CounterRandom', inputs, { distribution }, shape, 'float32'));
  },
);

export const randomKernels: readonly KernelConfig[] = [counterRandom];
