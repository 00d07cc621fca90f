import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { labels, values } from '../test/engine-harness.js';
import { freshEngine } from '../test/golden.js';
import type { OnnxRuntimeBackend } from './backend.js';

interface Fit {
  readonly losses: number[];
  readonly predictions: Float32Array;
  readonly fallbacks: string[];
}

interface Program {
  readonly layers: () => tfl.layers.Layer[];
  readonly x: () => tf.Tensor;
  readonly y: () => tf.Tensor;
  readonly loss: string;
  readonly optimizer?: string;
}

/** Weights that are the same on every backend. */
function setWeights(model: tfl.Sequential): void {
  model.setWeights(
    model.getWeights().map((weight, index) => {
      const range = weight.rank > 1 ? 2 / Math.sqrt(weight.size / weight.shape[weight.rank - 1]!) : 0.1;
      const drawn = values(weight.shape, index + 1, range);
      // Variances of batch normalisation must be positive; other vectors may be anything.
      return weight.rank > 1 ? drawn : tf.add(tf.abs(drawn), 0.5);
    }),
  );
}

async function fit(backend: string, program: Program): Promise<Fit> {
  await tf.setBackend(backend);
  const model = tfl.sequential({ layers: program.layers() });
  model.compile({ optimizer: program.optimizer ?? 'adam', loss: program.loss, metrics: ['accuracy'] });
  setWeights(model);
  const native = backend === 'onnxruntime' ? (tf.backend() as OnnxRuntimeBackend) : undefined;
  native?.fallbacks.clear();
  const [x, y] = [program.x(), program.y()];
  const { history } = await model.fit(x, y, {
    epochs: 3,
    batchSize: 4,
    shuffle: false,
    verbose: 0,
    validationSplit: 0.25,
  });
  const predictions = (model.predict(x) as tf.Tensor).dataSync() as Float32Array;
  return { losses: history.loss as number[], predictions, fallbacks: [...(native?.fallbacks.keys() ?? [])] };
}

const { layers } = tfl;

const programs: Readonly<Record<string, Program>> = {
  'dense, regularised, adam': {
    layers: () => [
      layers.dense({
        inputShape: [6],
        units: 10,
        activation: 'selu',
        kernelRegularizer: tfl.regularizers.l1l2({ l1: 1e-3, l2: 1e-3 }),
      }),
      layers.dense({ units: 8, activation: 'softplus' }),
      layers.leakyReLU({ alpha: 0.1 }),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
    x: () => values([16, 6], 1, 2),
    y: () => tf.oneHot(tf.cast(labels([16], 2, 3), 'int32'), 3),
    loss: 'categoricalCrossentropy',
  },
  'convolutions, batch normalisation, pooling, upsampling': {
    layers: () => [
      layers.conv2d({ inputShape: [8, 8, 3], filters: 8, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.batchNormalization(),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.depthwiseConv2d({ kernelSize: 3, padding: 'same' }),
      layers.separableConv2d({ filters: 6, kernelSize: 3, padding: 'same', activation: 'elu' }),
      layers.averagePooling2d({ poolSize: 2 }),
      layers.upSampling2d({ size: [2, 2] }),
      layers.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: 'same' }),
      layers.prelu({ sharedAxes: [1, 2] }),
      layers.zeroPadding2d({ padding: 1 }),
      layers.cropping2D({
        cropping: [
          [1, 1],
          [1, 1],
        ],
      }),
      layers.layerNormalization(),
      layers.globalAveragePooling2d({}),
      layers.dense({ units: 1 }),
    ],
    x: () => values([8, 8, 8, 3], 3, 2),
    y: () => values([8, 1], 4),
    loss: 'meanSquaredError',
    optimizer: 'sgd',
  },
  volumes: {
    layers: () => [
      layers.conv3d({ inputShape: [4, 6, 6, 2], filters: 4, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.maxPooling3d({ poolSize: [2, 2, 2] }),
      layers.conv3d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same' }),
      layers.averagePooling3d({ poolSize: [1, 2, 1] }),
      layers.flatten(),
      layers.dense({ units: 2, activation: 'tanh' }),
    ],
    x: () => values([8, 4, 6, 6, 2], 5, 2),
    y: () => values([8, 2], 6),
    loss: 'meanAbsoluteError',
    optimizer: 'rmsprop',
  },
  'embedding, LSTM, GRU': {
    layers: () => [
      layers.embedding({ inputDim: 7, outputDim: 5, inputLength: 6 }),
      layers.lstm({ units: 6, returnSequences: true, recurrentInitializer: 'glorotNormal' }),
      layers.bidirectional({
        layer: layers.gru({ units: 4, recurrentInitializer: 'glorotNormal' }) as tfl.RNN,
        mergeMode: 'concat',
      }),
      layers.dense({ units: 1, activation: 'sigmoid' }),
    ],
    x: () => labels([8, 6], 7, 7),
    y: () => tf.cast(labels([8, 1], 8, 2), 'float32'),
    loss: 'binaryCrossentropy',
    optimizer: 'adagrad',
  },
  'conv1d, sparse labels': {
    layers: () => [
      layers.conv1d({ inputShape: [9, 3], filters: 5, kernelSize: 3, activation: 'hardSigmoid' }),
      layers.maxPooling1d({ poolSize: 2 }),
      layers.permute({ dims: [2, 1] }),
      layers.reshape({ targetShape: [15] }),
      layers.repeatVector({ n: 2 }),
      layers.timeDistributed({ layer: layers.dense({ units: 4 }) }),
      layers.flatten(),
      layers.dense({ units: 3, activation: 'softmax' }),
    ],
    x: () => values([12, 9, 3], 9, 2),
    y: () => tf.cast(labels([12, 1], 10, 3), 'float32'),
    loss: 'sparseCategoricalCrossentropy',
    optimizer: 'adamax',
  },
};

beforeAll(async () => {
  await freshEngine();
});

describe('tf.layers and model.fit', () => {
  it.each(Object.keys(programs))('%s: as on the CPU backend, without a fallback', async (name) => {
    const expected = await fit('cpu', programs[name]!);
    const found = await fit('onnxruntime', programs[name]!);
    expect(found.fallbacks).toEqual([]);
    found.losses.forEach((loss, epoch) => {
      expect(Math.abs(loss - expected.losses[epoch]!)).toBeLessThan(
        1e-4 * Math.max(1, Math.abs(expected.losses[epoch]!)),
      );
    });
    found.predictions.forEach((value, index) => {
      expect(Math.abs(value - expected.predictions[index]!)).toBeLessThan(1e-3);
    });
  });

  it('dropout and noise layers train without a fallback', async () => {
    const program: Program = {
      layers: () => [
        layers.dense({ inputShape: [6], units: 10 }),
        layers.dropout({ rate: 0.3 }),
        layers.gaussianNoise({ stddev: 0.1 }),
        layers.alphaDropout({ rate: 0.1 }),
        layers.dense({ units: 1 }),
      ],
      x: () => values([16, 6], 1),
      y: () => values([16, 1], 2),
      loss: 'meanSquaredError',
    };
    const { losses, fallbacks } = await fit('onnxruntime', program);
    expect(fallbacks).toEqual([]);
    expect(losses.every(Number.isFinite)).toBe(true);
  });
});
