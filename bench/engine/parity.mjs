/**
 * Loss and all gradients of the benchmark's networks at small sizes against PyTorch in float64.
 *   node bench/engine/parity.mjs [--backend cpu|onnxruntime] [--device name] [--ops fused|composed] [--limit 1e-4]
 * `--device` is one of the group `protocol`, and the engine the one behind it; `--json` adds a line for programs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Participant } from '../lib/participant.mjs';
import { readSafetensors } from '../lib/safetensors.mjs';
import { formatTable } from '../lib/table.mjs';
import { findTorchPython } from '../peers/python.mjs';
import { loadEngine } from './engine.mjs';
import { createLoss, createVariables } from './programs.mjs';

const SEEDS = [1, 7, 11];
// A slope of 1 has no kink: at 0.01 a value within rounding of zero may take the other branch.
const CASES = [
  { network: 'vnet', filters: 4, size: [2, 8, 16, 16], slope: 1 },
  { network: 'vnet', filters: 4, size: [2, 8, 16, 16], slope: 0.01 },
  { network: 'vnet', filters: 16, size: [1, 8, 16, 24], slope: 1 },
  { network: 'unet2d', filters: 4, size: [2, 32, 32], slope: 1 },
  { network: 'unet2d', filters: 4, size: [2, 32, 32], slope: 0.01 },
];

/** |a - b| / |b| over all elements; |a - b| where b is nearly zero everywhere. */
function relativeL2(actual, expected) {
  let difference = 0;
  let norm = 0;
  expected.forEach((value, index) => {
    difference += (actual[index] - value) ** 2;
    norm += value ** 2;
  });
  return Math.sqrt(difference) / Math.max(Math.sqrt(norm), 1e-12);
}

function compare({ tf, ops }, { network, slope }, tensors) {
  const names = [...tensors.keys()].filter((name) => tensors.has(`gradient:${name}`));
  const variables = createVariables(tf, tensors, names);
  const data = (name, dtype) => tf.tensor(tensors.get(name).data, tensors.get(name).shape, dtype);
  const inputs = { image: data('image'), labels: data('labels', 'int32'), classWeights: data('classWeights') };
  const loss = createLoss({ tf, ops, network, variables, slope });
  const { value, grads } = tf.variableGrads(() => loss(inputs), [...variables.values()]);
  const errors = names.map((name) => ({
    name,
    error: relativeL2(grads[variables.get(name).name].dataSync(), tensors.get(`gradient:${name}`).data),
  }));
  const [lossValue] = value.dataSync();
  tf.dispose([value, grads, inputs, [...variables.values()]]);
  return { lossValue, errors };
}

/** The engine behind a device. */
function deviceOf(device) {
  if (device === undefined) return {};
  return device === 'tfjs-node-gpu' ? { backend: device } : { backend: 'onnxruntime', device };
}

const { values } = parseArgs({
  options: {
    backend: { type: 'string', default: 'cpu' },
    device: { type: 'string' },
    json: { type: 'boolean', default: false },
    ops: { type: 'string', default: 'fused' },
    limit: { type: 'string', default: '1e-4' },
  },
});
const loaded = await loadEngine({ ...values, ...deviceOf(values.device) });
const { python, env } = findTorchPython(console.error);
const script = fileURLToPath(new URL('../peers/torch_peer.py', import.meta.url));
const peer = new Participant({ name: 'PyTorch', command: python, args: [script], env });
const folder = mkdtempSync(join(tmpdir(), 'dinomix-parity-'));
const rows = [];
let worst = 0;
try {
  for (const item of CASES) {
    for (const seed of SEEDS) {
      const exportTo = join(folder, 'gradients.safetensors');
      const { loss } = await peer.request({ cmd: 'gradients', ...item, seed, exportTo });
      const { lossValue, errors } = compare(loaded, item, readSafetensors(exportTo));
      const largest = errors.reduce((a, b) => (b.error > a.error ? b : a));
      // Kinks make the leaky cases informative only.
      if (item.slope === 1) worst = Math.max(worst, largest.error);
      rows.push([
        `${item.network} ${item.filters} filters ${item.size.join('x')} slope ${item.slope} seed ${seed}`,
        Math.abs(lossValue / loss - 1).toExponential(1),
        errors.length,
        largest.error.toExponential(1),
        largest.name,
      ]);
    }
  }
} finally {
  await peer.stop();
  rmSync(folder, { recursive: true, force: true });
}
console.log(formatTable(['case', 'loss error', 'gradients', 'largest relative L2', 'at'], rows));
if (values.json) console.log(JSON.stringify({ worst }));
if (worst > Number(values.limit)) {
  console.error(`gradients differ by ${worst.toExponential(1)}, more than ${values.limit}`);
  process.exitCode = 1;
}
