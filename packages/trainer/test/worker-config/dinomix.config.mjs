// A whole method in plain JavaScript, which a thread or a child process can load. See src/run/train-worker.test.ts.
import { defineConfig, definePlugin } from '@dinomix/core';
import { createTinyReader } from '../../../data/test/tiny-reader.mjs';

const anyOptions = { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } };

function plugin(slot, id, create) {
  return definePlugin({
    name: `worker-${slot}-${id}`,
    version: '1.0.0',
    core: '^1.0.0',
    api: 1,
    provides: [`${slot}:${id}`],
    options: anyOptions,
    setup: (api) => api.provide(slot, id, create),
  })();
}

async function openBackend() {
  const { env, memory, setBackend } = await import('@tensorflow/tfjs-core');
  await import('@tensorflow/tfjs-backend-cpu');
  // Imported because it registers the gradients of tfjs-core.
  await import('@tensorflow/tfjs-layers');
  env().set('IS_TEST', true);
  await setBackend('cpu');
  const usage = () => ({ tensors: memory().numTensors, bytes: memory().numBytes, fallbackKernels: {} });
  return { name: 'cpu', device: 'cpu', facts: {}, ops: {}, usage, dispose: async () => undefined };
}

const options = { shape: [6, 8, 8], seed: 1 };
const dataset = {
  title: 'tiny',
  classes: ['background', 'box', 'core'].map((name, index) => ({ index, name, colour: [0, 0, 0], tail: index === 2 })),
  splits: { labelled: ['l0', 'l1'], unlabelled: [], validation: [], test: [] },
  preprocessing: {
    orientation: 'keep',
    grid: { kind: 'keep' },
    normalisation: { steps: [{ kind: 'z-score' }], display: [-1, 2] },
  },
  sampling: { foreground: 0, upperOffset: 'inclusive', flips: [], padValue: 0 },
  workerSource: {
    module: new URL('../../../data/test/tiny-reader.mjs', import.meta.url).href,
    export: 'createTinyReader',
    options,
  },
  licence: 'none',
  readCase: createTinyReader(options).readCase,
  fingerprint: async () => ({ digest: 'tiny', cases: {} }),
  async *check() {},
};

const student = {
  build: ({ ops, classCount }) => ({
    parameters: [
      {
        name: 'filter',
        shape: [3, 3, 3, 1, classCount],
        initializer: { kind: 'kaiming-normal', fanIn: 27, slope: 1 },
        trainable: true,
        decay: true,
      },
    ],
    features: {},
    multiple: [1, 1, 1],
    forward: (x, { filter }) => ({ logits: ops.conv3d(x, filter, { padding: 'same' }), features: {} }),
  }),
};

const loss = {
  takes: { labelled: ['logits'] },
  evaluate: ({ views: { labelled } }, { ops }) => ({
    value: ops.softmaxCrossEntropyDice(labelled.logits, labelled.target, { crossEntropy: 1, dice: 1 }),
  }),
};

export default defineConfig({
  plugins: [
    plugin('backend', 'cpu', () => ({ setup: openBackend, probe: async () => [] })),
    plugin('dataset', 'tiny', () => dataset),
    plugin('student', 'linear', () => student),
    plugin('loss', 'both', () => loss),
  ],
  seed: 2,
  train: {
    epochs: 30,
    stepsPerEpoch: 4,
    patch: [4, 8, 8],
    batch: { labelled: 2, unlabelled: 0 },
    workers: 1,
    validateEvery: 0,
    keepCheckpoints: 1,
  },
});
