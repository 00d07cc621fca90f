/** Our side of the engine benchmark as a process of its own; requests as in peers/torch_peer.py. */
import { createRequire } from 'node:module';
import { processStatusMb } from '../lib/machine.mjs';
import { readSafetensors } from '../lib/safetensors.mjs';
import { serve } from '../lib/serve.mjs';
import { timeSteps } from '../lib/steps.mjs';
import { compile, loadEngine } from './engine.mjs';
import { createLoss, createTrainingStep, createVariables } from './programs.mjs';
import { ROWS, SLOPE } from './rows.mjs';
import { createSlidingWindow } from './sliding-window.mjs';

const DATA = new Set(['image', 'labels', 'classWeights', 'volume']);
const BASE_RATE = 0.01;
const RATE_HORIZON = 1000;

function tensorOf(tf, { shape, data }) {
  return tf.tensor(data, shape, data instanceof Int32Array ? 'int32' : 'float32');
}

/** One training step: the learning rate falls at every step, as in training. */
function training(loaded, row, tensors) {
  const { tf, ops } = loaded;
  const variables = createVariables(
    tf,
    tensors,
    [...tensors.keys()].filter((name) => !DATA.has(name)),
  );
  const loss = createLoss({ tf, ops, network: row.network, variables, slope: SLOPE });
  const step = compile(loaded, createTrainingStep({ tf, variables, loss }));
  const inputs = {
    image: tensorOf(tf, tensors.get('image')),
    labels: tensorOf(tf, tensors.get('labels')),
    classWeights: tensorOf(tf, tensors.get('classWeights')),
  };
  let count = 0;
  const run = () => {
    const rate = tf.scalar(BASE_RATE * (1 - count++ / RATE_HORIZON) ** 0.9);
    const result = step({ ...inputs, rate });
    const [value] = result.loss.dataSync();
    tf.dispose([result, rate]);
    return value;
  };
  return { run, step };
}

/** What the engine says about itself: compiled graphs, replays, kernels that ran elsewhere. */
function engineReport({ tf, engine }, step) {
  const backend = tf.backend();
  if (!engine.OnnxRuntimeBackend || !(backend instanceof engine.OnnxRuntimeBackend)) return undefined;
  return {
    cache: backend.cacheStatistics(),
    ...(step?.statistics ? { replay: { ...step.statistics } } : {}),
    fallbacks: Object.fromEntries(backend.fallbacks),
    tensors: tf.memory().numTensors,
  };
}

/** The runtime is found from the backend's place: this folder does not depend on it. */
function versions(tf) {
  const runtime = 'onnxruntime-node';
  const { version } = createRequire(import.meta.resolve('@dinomix/backend-onnxruntime'))(`${runtime}/package.json`);
  return { 'tfjs-core': tf.version_core, [runtime]: version, node: process.versions.node };
}

let loaded;
let current;

await serve({
  async init({ row: name, weights, threads, backend, ops }) {
    loaded = await loadEngine({ threads, backend, ops });
    const baseMb = processStatusMb('VmHWM');
    const start = performance.now();
    const row = ROWS.find((candidate) => candidate.name === name);
    const tensors = readSafetensors(weights);
    current = row.window ? { run: await createSlidingWindow(loaded, row, tensors) } : training(loaded, row, tensors);
    const value = await current.run();
    return { value, firstStepMs: performance.now() - start, baseMb, versions: versions(loaded.tf) };
  },
  async step(request) {
    const timed = await timeSteps(request, current.run);
    return { ...timed, engine: engineReport(loaded, current.step) };
  },
});
