import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSafetensors } from '@dinomix/volume';
import { afterAll, describe, expect, it } from 'vitest';
import { largestDifference, wave } from '../../test/reference.js';
import { runOnnx } from '../../test/run-onnx.js';
import { network, type Weights, weightsOf, writeJson } from '../../test/stored-weights.js';
import { convertWeights } from './convert.js';

const root = await mkdtemp(join(tmpdir(), 'dinomix-shards-'));
afterAll(() => rm(root, { recursive: true, force: true }));

const given = network('swiglu');
const SHARDS = [1, 2, 3].map((number) => `model-0000${number}-of-00003.safetensors`);
const INDEX = 'model.safetensors.index.json';

/** A folder in the layout of `save_pretrained(max_shard_size=...)`: every third tensor in a shard. */
async function sharded(
  change: (map: Record<string, string>, shards: Weights[]) => void = () => undefined,
): Promise<string> {
  const folder = await mkdtemp(join(root, 'model-'));
  const shards: Weights[] = SHARDS.map(() => new Map());
  const map: Record<string, string> = {};
  for (const [number, [key, tensor]] of [...weightsOf(given)].entries()) {
    shards[number % 3]!.set(key, tensor);
    map[key] = SHARDS[number % 3]!;
  }
  change(map, shards);
  for (const [number, shard] of shards.entries()) await writeSafetensors(join(folder, SHARDS[number]!), shard);
  await writeJson(join(folder, INDEX), { metadata: { total_size: 1 }, weight_map: map });
  await writeJson(join(folder, 'config.json'), given.config);
  return folder;
}

async function refused(folder: string): Promise<string> {
  const to = await mkdtemp(join(root, 'out-'));
  const failure = await convertWeights({ weights: folder, out: join(to, 'model.onnx') }).then(
    () => new Error('it was converted'),
    (error: Error) => error,
  );
  expect(await readdir(to)).toEqual([]);
  return failure.message;
}

describe('weights in shards', () => {
  it.each(['', INDEX])('are converted, by their folder or their index "%s"', async (name) => {
    const out = join(await mkdtemp(join(root, 'out-')), 'model.onnx');
    await convertWeights({ weights: join(await sharded(), name), out });
    const { shape, blocks } = given.answers[0]!;
    const pixels = wave(shape.reduce((product, side) => product * side, 1));
    const answer = await runOnnx(out, pixels, shape);
    expect(largestDifference(answer.last_hidden_state!.data, blocks.at(-1)!)).toBeLessThan(1e-5);
  });

  it('are refused where a shard is missing, holds less, or holds more', async () => {
    const missing = await sharded();
    await rm(join(missing, SHARDS[1]!));
    expect(await refused(missing)).toMatch(/DMX_DINOV3_SHARDS.*\n.*Missing beside it: model-00002-of-00003/);
    const less = await sharded((_, shards) => shards[0]!.delete([...shards[0]!.keys()][0]!));
    expect(await refused(less)).toContain('Its shards do not hold ');
    const more = await sharded((map) => delete map['norm.bias']);
    expect(await refused(more)).toMatch(/It does not name norm\.bias \(model-0000\d-of-00003\.safetensors\)/);
  });

  it('are refused where the index is no index, or leads elsewhere', async () => {
    const folder = await sharded();
    for (const text of ['{', '[]', '{"weight_map":{"norm.bias":3}}']) {
      await writeFile(join(folder, INDEX), text);
      expect(await refused(folder)).toContain('no JSON object with a "weight_map"');
    }
    for (const place of ['../other.safetensors', '/etc/passwd', 'model.bin', '.hidden.safetensors']) {
      await writeJson(join(folder, INDEX), { weight_map: { 'norm.bias': place } });
      expect(await refused(folder)).toContain(`It names "${place}", which is no shard beside it`);
    }
  });

  it('are taken after the whole file where both are there', async () => {
    const folder = await sharded();
    await writeSafetensors(join(folder, 'model.safetensors'), weightsOf(given));
    await rm(join(folder, SHARDS[0]!));
    await convertWeights({ weights: folder, out: join(await mkdtemp(join(root, 'out-')), 'model.onnx') });
  });
});
