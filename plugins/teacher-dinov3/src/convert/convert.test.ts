import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSafetensors, toFloat16, writeSafetensors } from '@dinomix/volume';
import { afterAll, describe, expect, it } from 'vitest';
import { largestDifference, wave } from '../../test/reference.js';
import { runOnnx } from '../../test/run-onnx.js';
import { asMeta, asTimm, NETWORKS, network, type Weights, weightsOf, writeJson } from '../../test/stored-weights.js';
import { writeModel } from '../onnx/file.js';
import { buildVit } from '../vit/build.js';
import { type ConvertRequest, convertWeights } from './convert.js';
import { storedVit } from './weights.js';

const root = await mkdtemp(join(tmpdir(), 'dinomix-convert-'));
afterAll(() => rm(root, { recursive: true, force: true }));

const folder = (): Promise<string> => mkdtemp(join(root, 'case-'));

/** A folder with model.safetensors and config.json, and an empty one for the result. */
async function stored(weights: Weights, config: unknown): Promise<{ readonly from: string; readonly to: string }> {
  const [from, to] = [await folder(), await folder()];
  await writeSafetensors(join(from, 'model.safetensors'), weights);
  if (config !== null) await writeJson(join(from, 'config.json'), config);
  return { from, to };
}

async function converted(
  weights: Weights,
  config: unknown,
  more: Partial<ConvertRequest> = {},
): Promise<{ readonly path: string; readonly bytes: number }> {
  const { from, to } = await stored(weights, config);
  const out = join(to, 'model.onnx');
  const { bytes } = await convertWeights({ weights: from, out, ...more });
  return { path: out, bytes };
}

const pixels = (shape: readonly number[]): Float32Array => wave(shape.reduce((product, side) => product * side, 1));

describe.each(NETWORKS)('the converted network "$name"', (given) => {
  it.each(given.answers)('answers $shape as PyTorch, behind every block', async ({ shape, dims, blocks }) => {
    const outputBlocks = blocks.map((_, block) => block);
    const { path } = await converted(weightsOf(given), given.config, { outputBlocks });
    const answer = await runOnnx(path, pixels(shape), shape);
    expect(answer.last_hidden_state!.dims).toEqual(dims);
    for (const block of outputBlocks) {
      expect(largestDifference(answer[`block.${block}`]!.data, blocks[block]!)).toBeLessThan(1e-5);
    }
    expect(largestDifference(answer.last_hidden_state!.data, blocks.at(-1)!)).toBeLessThan(1e-5);
    const [batch, tokens, channels] = dims as [number, number, number];
    const classTokens = Array.from({ length: batch }, (_, item) =>
      blocks.at(-1)!.slice(item * tokens * channels, (item * tokens + 1) * channels),
    ).flat();
    expect(largestDifference(answer.pooler_output!.data, classTokens)).toBeLessThan(1e-5);
  });
});

describe.each(['gelu', 'swiglu'])('keys of the network "%s"', (name) => {
  const given = network(name);
  const { shape, blocks } = given.answers[0]!;
  const expected = blocks.at(-1)!;

  it.each([
    ['Meta', asMeta],
    ['timm', asTimm],
    [
      'transformers, inside a wrapper',
      (weights: Weights) => new Map([...weights].map(([key, w]) => [`model.${key}`, w])),
    ],
  ] as const)('of %s give the same answers', async (_, translate) => {
    const { path } = await converted(translate(weightsOf(given)), given.config);
    const answer = await runOnnx(path, pixels(shape), shape);
    expect(largestDifference(answer.last_hidden_state!.data, expected)).toBeLessThan(1e-5);
  });
});

describe('what the network must get right', () => {
  const given = network('gelu');
  const { shape, blocks } = given.answers[0]!;

  it('rotary position: another base gives other tokens, and equal patches differ by their places alone', async () => {
    const other = await converted(weightsOf(given), { ...given.config, rope_theta: 10 });
    const answer = await runOnnx(other.path, pixels(shape), shape);
    expect(largestDifference(answer.last_hidden_state!.data, blocks.at(-1)!)).toBeGreaterThan(1e-3);
    const { path } = await converted(weightsOf(given), given.config);
    const flat = await runOnnx(path, new Float32Array(3 * 32 * 48).fill(0.3), [1, 3, 32, 48]);
    const tokens = flat.last_hidden_state!.data;
    const patch = (index: number): Float32Array => tokens.subarray((5 + index) * 16, (6 + index) * 16);
    for (const index of [1, 2, 3, 4, 5]) expect(largestDifference(patch(0), [...patch(index)])).toBeGreaterThan(1e-4);
  });

  it('order: CLS, registers, then patches row by row', async () => {
    // Without what attention and MLP add, a token is its own patch alone.
    const weights = new Map(
      [...weightsOf(given)].map(([name, tensor]) => [
        name,
        name.endsWith('lambda1') ? { ...tensor, data: new Float32Array(tensor.data.length) } : tensor,
      ]),
    );
    const { path } = await converted(weights, given.config);
    const dark = new Float32Array(3 * 32 * 48);
    const bright = dark.slice();
    // Row 1, column 2 of 2 x 3 patches.
    for (let y = 16; y < 32; y++) bright.fill(1, y * 48 + 32, y * 48 + 48);
    const [before, after] = await Promise.all([dark, bright].map((image) => runOnnx(path, image, [1, 3, 32, 48])));
    const changed = Array.from({ length: 11 }, (_, token) => {
      const part = (answer: typeof before): Float32Array =>
        answer!.last_hidden_state!.data.subarray(token * 16, (token + 1) * 16);
      return largestDifference(part(before), [...part(after)]) > 0;
    });
    expect(changed.flatMap((is, token) => (is ? [token] : []))).toEqual([5 + 1 * 3 + 2]);
  });

  it('registers: as many as the weights have, and each of them acts', async () => {
    const { path } = await converted(weightsOf(given), given.config);
    const answer = await runOnnx(path, pixels(shape), shape);
    expect(answer.last_hidden_state!.dims[1]).toBe(1 + 4 + 2 * 3);
    const weights = weightsOf(given);
    const registers = weights.get('embeddings.register_tokens')!;
    const fewer = { ...registers, shape: [1, 3, 16], data: registers.data.slice(0, 48) };
    const three = await converted(new Map(weights).set('embeddings.register_tokens', fewer), {
      ...given.config,
      num_register_tokens: 3,
    });
    const shorter = await runOnnx(three.path, pixels(shape), shape);
    expect(shorter.last_hidden_state!.dims[1]).toBe(1 + 3 + 2 * 3);
    const patches = answer.last_hidden_state!.data.slice(5 * 16);
    expect(largestDifference(shorter.last_hidden_state!.data.slice(4 * 16), [...patches])).toBeGreaterThan(1e-3);
    await expect(converted(weights, { ...given.config, num_register_tokens: 3 })).rejects.toThrow(
      'shape: embeddings.register_tokens is [1, 4, 16], expected [1, 3, 16]',
    );
  });
});

describe('storage', () => {
  const given = network('swiglu');
  const { shape, blocks } = given.answers[0]!;

  it('in half precision takes half the room and rounds', async () => {
    const full = await converted(weightsOf(given), given.config);
    const half = await converted(weightsOf(given), given.config, { precision: 'float16' });
    const data = async ({ path }: typeof full) => (await runOnnx(path, pixels(shape), shape)).last_hidden_state!.data;
    const difference = largestDifference(await data(half), blocks.at(-1)!);
    expect(difference).toBeGreaterThan(1e-5);
    expect(difference).toBeLessThan(1e-2);
    // The patch embedding alone is 16 x 3 x 16 x 16 values.
    expect(full.bytes - half.bytes).toBeGreaterThan(2 * 12288);
    expect((await stat(half.path)).size).toBe(half.bytes);
  });

  it('reads weights in half precision and bfloat16', async () => {
    const weights = weightsOf(given);
    const { from } = await stored(weights, null);
    for (const dtype of ['F16', 'BF16'] as const) {
      const bits = (data: Float32Array): Uint16Array =>
        dtype === 'F16'
          ? toFloat16(data)
          : Uint16Array.from(new Uint32Array(data.slice().buffer), (word) => (word + 0x8000) >>> 16);
      const rounded = new Map(
        [...weights].map(([name, { shape: sides, data }]) => [name, { dtype, shape: sides, data: bits(data) }]),
      );
      const path = join(from, `${dtype}.safetensors`);
      await writeSafetensors(path, rounded);
      const out = join(from, `${dtype}.onnx`);
      await writeJson(join(from, 'other.json'), given.config);
      await convertWeights({ weights: path, config: join(from, 'other.json'), out });
      const answer = await runOnnx(out, pixels(shape), shape);
      const difference = largestDifference(answer.last_hidden_state!.data, blocks.at(-1)!);
      expect(difference).toBeLessThan(dtype === 'F16' ? 1e-2 : 0.1);
    }
  });

  it('goes beside the model where one file would be too large', async () => {
    const { from, to } = await stored(weightsOf(given), given.config);
    const out = join(to, 'model.onnx');
    const file = await openSafetensors(join(from, 'model.safetensors'));
    const architecture = {
      ...given.size,
      ropeBase: 100,
      epsilon: 1e-5,
      bias: { query: true, key: false, value: true, output: true, mlp: true },
    };
    const { weights } = storedVit(file, 'model.safetensors', architecture);
    const model = buildVit(architecture, weights, { name: 'vit', precision: 'float32', outputBlocks: [] });
    const write = async () => (await writeModel(model, out, { largestFile: 10_000 })).files;
    expect(await write()).toEqual([out, `${out}_data`]);
    // Written again, the new weights go beside the old ones, which leave when the new model has its name.
    const during = { ...model, weights: model.weights.map((weight) => ({ ...weight, read: () => seen(weight.read) })) };
    const there = new Set<string>();
    const seen = async (read: () => Promise<Float32Array>) => {
      for (const name of await readdir(to)) if (!name.endsWith('.tmp')) there.add(name);
      return read();
    };
    expect((await writeModel(during, out, { largestFile: 10_000 })).files).toEqual([out, `${out}_weights`]);
    expect([...there].sort()).toEqual(['model.onnx', 'model.onnx_data']);
    expect((await readdir(to)).sort()).toEqual(['model.onnx', 'model.onnx_weights']);
    expect(await write()).toEqual([out, `${out}_data`]);
    expect((await readdir(to)).sort()).toEqual(['model.onnx', 'model.onnx_data']);
    await file.close();
    expect((await stat(out)).size).toBeLessThan(40_000);
    const answer = await runOnnx(out, pixels(shape), shape);
    expect(largestDifference(answer.last_hidden_state!.data, blocks.at(-1)!)).toBeLessThan(1e-5);
  });
});

describe('what is refused, with nothing left behind', () => {
  const given = network('gelu');

  async function refused(
    weights: Weights,
    config: unknown,
    spoil: (model: string) => Promise<unknown> = async () => undefined,
    more: Partial<ConvertRequest> = {},
  ): Promise<string> {
    const { from, to } = await stored(weights, config);
    await spoil(join(from, 'model.safetensors'));
    const failure = await convertWeights({ weights: from, out: join(to, 'model.onnx'), ...more }).then(
      () => new Error('it was converted'),
      (error: Error) => error,
    );
    expect(await readdir(to)).toEqual([]);
    return failure.message;
  }

  it('another architecture in config.json', async () => {
    const message = (config: unknown) => refused(weightsOf(given), config);
    expect(await message({ model_type: 'dinov2' })).toContain('Found model_type "dinov2"');
    expect(await message({ model_type: 'dinov3_convnext' })).toContain('DMX_DINOV3_ARCHITECTURE');
    expect(await message({ architecture: 'vit_small_patch14_dinov2' })).toContain('vit_small_patch14_dinov2');
    expect(await message({ ...given.config, hidden_size: '384' })).toContain('hidden_size');
    expect(await message({ ...given.config, num_attention_heads: 3 })).toContain('no multiple of 4 times');
    expect(await message({ ...given.config, hidden_act: 'relu' })).toContain('hidden_act "relu"');
    expect(await message({})).toContain('Found neither model_type nor architecture');
    expect(await message({ ...given.config, layer_norm_eps: 1e308 })).toContain('layer_norm_eps: Too big');
    expect(await message({ ...given.config, rope_theta: 1e300 })).toContain('rope_theta: Too big');
    expect(await message({ ...given.config, hidden_size: 2 ** 40 })).toContain('hidden_size: Too big');
    expect(await message([])).toContain('JSON that is not an object');
  });

  it('a config.json that is no JSON', async () => {
    const { from, to } = await stored(weightsOf(given), null);
    await writeFile(join(from, 'config.json'), '{');
    await expect(convertWeights({ weights: from, out: join(to, 'x.onnx') })).rejects.toThrow('DMX_DINOV3_CONFIG');
  });

  it('an unknown width without config.json', async () => {
    expect(await refused(weightsOf(given), null)).toContain('a patch embedding of [16, 3, 16, 16]');
  });

  it('missing, extra and misshapen tensors, all of them', async () => {
    const weights = weightsOf(given);
    weights.delete('layer.1.norm2.bias');
    weights.delete('norm.weight');
    weights.set('head.weight', weights.get('layer.0.norm1.bias')!);
    weights.set('layer.2.norm1.bias', weights.get('layer.0.norm1.bias')!);
    weights.set('layer.0.norm1.weight', weights.get('layer.0.attention.q_proj.weight')!);
    const message = await refused(weights, given.config);
    for (const line of [
      'missing: layer.1.norm2.bias [16]',
      'missing: norm.weight [16]',
      'extra: head.weight',
      'extra: layer.2.norm1.bias',
      'shape: layer.0.norm1.weight is [16, 16], expected [16]',
    ]) {
      expect(message).toContain(line);
    }
  });

  it('a file that ends early, or whose header claims more than there is', async () => {
    const cut = (bytes: number) => async (model: string) => truncate(model, (await stat(model)).size - bytes);
    expect(await refused(weightsOf(given), given.config, cut(1000))).toContain('DMX_SAFETENSORS_HEADER');
    const claim = async (model: string) => {
      const bytes = await readFile(model);
      bytes.writeBigUInt64LE(2n ** 40n, 0);
      await writeFile(model, bytes);
    };
    expect(await refused(weightsOf(given), given.config, claim)).toContain('its header claims 1099511627776');
  });

  it('a weight that is no number', async () => {
    const weights = weightsOf(given);
    const norm = weights.get('layer.1.norm2.weight')!;
    weights.set('layer.1.norm2.weight', { ...norm, data: norm.data.map((value, i) => (i === 3 ? Number.NaN : value)) });
    expect(await refused(weights, given.config)).toContain('Value 3 of "layer.1.norm2.weight" is NaN');
  });

  it('integer weights, a block that there is not, a file that exists', async () => {
    const weights: Map<string, unknown> = weightsOf(given);
    weights.set('norm.bias', { dtype: 'I8', shape: [16], data: new Int8Array(16) });
    expect(await refused(weights as Weights, given.config)).toContain('type: norm.bias is I8');
    expect(await refused(weightsOf(given), given.config, undefined, { outputBlocks: [2] })).toContain('no block 2');
    const { path } = await converted(weightsOf(given), given.config);
    const { from } = await stored(weightsOf(given), given.config);
    await expect(convertWeights({ weights: from, out: path })).rejects.toThrow('exists already');
    await convertWeights({ weights: from, out: path, overwrite: true });
  });

  it('a conversion that is stopped', async () => {
    const stopped = AbortSignal.abort(new Error('stopped'));
    expect(await refused(weightsOf(given), given.config, undefined, { signal: stopped })).toBe('stopped');
  });
});
