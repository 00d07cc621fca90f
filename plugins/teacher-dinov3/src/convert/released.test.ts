import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSafetensors } from '@dinomix/volume';
import { describe, expect, it, onTestFinished } from 'vitest';
import { largestDifference } from '../../test/reference.js';
import { runOnnx } from '../../test/run-onnx.js';
import { convertWeights } from './convert.js';

/** A folder that goes when the test ends. */
async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dinomix-released-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
const script = fileURLToPath(new URL('../../test/make-parity.py', import.meta.url));

/** An interpreter that imports torch; `node bench/run.mjs` makes one in ~/.cache/dinomix/torch. */
const python = process.env.DINOMIX_TORCH_PYTHON;
/** `L` (1.2 GB) and `H+` (3.4 GB, twice on the disk) as well where they are asked for. */
const sizes = (process.env.DINOMIX_TORCH_SIZES ?? 'S,S+,B').split(',');
const withoutPython = python === undefined;
if (withoutPython)
  console.log('skipped: random weights of the released sizes against PyTorch (DINOMIX_TORCH_PYTHON is not set)');

describe.skipIf(withoutPython)('random weights of the released sizes against PyTorch', () => {
  it.each(sizes)('%s', { timeout: 300_000 }, async (size) => {
    const folder = await temporaryFolder();
    execFileSync(python!, ['-W', 'ignore', script, 'full', size, folder]);
    const out = join(folder, 'model.onnx');
    const start = performance.now();
    await convertWeights({ weights: folder, out });
    const seconds = (performance.now() - start) / 1000;
    const answers = await readSafetensors(join(folder, 'answers.safetensors'));
    const differences: number[] = [];
    for (const number of [0, 1]) {
      const image = answers.tensor(`image.${number}`);
      const expected = answers.tensor(`tokens.${number}`);
      const found = (await runOnnx(out, image.data as Float32Array, image.shape)).last_hidden_state!;
      expect(found.dims).toEqual(expected.shape);
      differences.push(largestDifference(found.data, expected.data as Float32Array));
    }
    console.log(`${size}: converted in ${seconds.toFixed(1)} s, max abs ${differences.map((x) => x.toExponential(1))}`);
    expect(Math.max(...differences)).toBeLessThan(1e-4);
  });
});

/**
 * A folder for each size that is held (`S`, `B`, `L`), with model.safetensors, config.json, and pixels.safetensors from
 * `make-parity.py picture` of COCO's val2017/000000039769.jpg.
 */
const released = process.env.DINOMIX_DINOV3_RELEASED;
const withoutWeights = released === undefined;
if (withoutWeights) console.log('skipped: the released weights (DINOMIX_DINOV3_RELEASED is not set)');

/** First five values of CLS and of the first patch (transformers, convert_dinov3_vit_to_hf.py). */
const STORED = {
  S: [
    [0.46356, -0.41561, 0.40824, -0.12661, -0.28664],
    [-0.03875, -0.2509, -0.01639, -0.45547, 0.57158],
  ],
  B: [
    [1.03464, -0.18061, -0.34102, -0.06638, -0.01138],
    [-0.08252, -0.45627, -0.72803, -0.43068, -0.15288],
  ],
  L: [
    [0.48453, -0.58221, 0.48064, 0.59204, 0.94517],
    [-0.21137, -0.49086, -0.25713, 0.10176, 0.15451],
  ],
} as const;

describe.skipIf(withoutWeights)('the released weights', () => {
  it.for(Object.entries(STORED))('%s answers as published', { timeout: 300_000 }, async ([size, [cls, patch]], ctx) => {
    const folder = join(released!, size);
    const pixels = await readSafetensors(join(folder, 'pixels.safetensors')).catch(() => null);
    if (pixels === null) return ctx.skip(`there is no ${folder}/pixels.safetensors`);
    const out = join(await temporaryFolder(), 'model.onnx');
    const { channels } = await convertWeights({ weights: folder, out });
    const image = pixels.tensor('pixel_values');
    const { data } = (await runOnnx(out, image.data as Float32Array, image.shape)).last_hidden_state!;
    expect(largestDifference(data.slice(0, 5), cls)).toBeLessThan(1e-3);
    expect(largestDifference(data.slice(5 * channels, 5 * channels + 5), patch)).toBeLessThan(1e-3);
  });
});
