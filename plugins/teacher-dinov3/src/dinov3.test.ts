import { createCpuBackend } from '@dinomix/backend-cpu';
import type { Index3 } from '@dinomix/core';
import type { TeacherInput, TeacherSetup, TeacherSlot, TeacherStep } from '@dinomix/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { patchMeanModel, temporary, writeTemporary } from '../test/models.js';
import { createDinov3 } from './dinov3.js';
import type { optionsSchema as schema } from './options.js';
import { optionsSchema } from './options.js';

await createCpuBackend().setup({ device: 'cpu', threads: null });

type Given = z.input<typeof schema>;
const PATCH: Index3 = [16, 32, 48];
const opened: TeacherSlot[] = [];
afterEach(async () => {
  for (const teacher of opened.splice(0)) await teacher.dispose!();
});

async function open(given: Given, display: readonly [number, number] = [0, 1]): Promise<TeacherSlot> {
  const teacher = createDinov3(optionsSchema.parse({ threads: 1, ...given }));
  opened.push(teacher);
  await teacher.open!({ normalisation: { steps: [], display }, patch: PATCH } as unknown as TeacherSetup);
  return teacher;
}

const step = (signal = new AbortController().signal): TeacherStep =>
  ({
    host: () => ({ signal }),
    tensor: (data: Float32Array, shape: number[]) => tf.tensor(data, shape),
  }) as unknown as TeacherStep;

/** Crops `[b, 16, 32, 48]` whose voxels are given by a function of crop and place. */
function part(crops: number, value: (crop: number, z: number, y: number, x: number) => number): TeacherInput {
  const [depth, height, width] = PATCH;
  const data = new Float32Array(crops * depth * height * width);
  for (let index = 0; index < data.length; index++) {
    const [x, row] = [index % width, Math.floor(index / width)];
    const [y, plane] = [row % height, Math.floor(row / height)];
    data[index] = value(Math.floor(plane / depth), plane % depth, y, x);
  }
  const image = tf.tensor(data, [crops, depth, height, width, 1]);
  return { image, outputs: {}, host: () => ({ crops: [], data }) };
}

async function tokensOf(teacher: TeacherSlot, unlabelled: TeacherInput): Promise<tf.Tensor> {
  return (await teacher.predict({ unlabelled }, step())).unlabelled!.tokens!;
}

const patchMean = async (given: Parameters<typeof patchMeanModel>[0] = {}): Promise<string> =>
  writeTemporary(`model-${JSON.stringify(given).replaceAll(/\W/g, '')}.onnx`, await patchMeanModel(given));

/** Mean 0 and deviation 1, so that a token of the patch-mean model is the mean grey of its patch. */
const PLAIN: Given = { mean: [0, 0, 0], deviation: [1, 1, 1], upscale: 1 };

describe('the token grid', () => {
  it('has rows before columns, layers in order and crops apart', async () => {
    const teacher = await open({ ...PLAIN, model: await patchMean() });
    expect(teacher.tokenChannels!()).toBe(3);
    // Constant in each patch of 16 x 16 and each layer of 8 slices.
    const value = (crop: number, z: number, y: number, x: number): number =>
      0.4 * crop + 0.2 * Math.floor(z / 8) + 0.05 * Math.floor(y / 16) + 0.01 * Math.floor(x / 16);
    const tokens = await tokensOf(teacher, part(2, value));
    expect(tokens.shape).toEqual([2, 2, 2, 3, 3]);
    const found = tokens.arraySync() as number[][][][][];
    for (const crop of [0, 1]) {
      for (const layer of [0, 1]) {
        for (const row of [0, 1]) {
          for (const column of [0, 1, 2]) {
            const grey = 0.4 * crop + 0.2 * layer + 0.05 * row + 0.01 * column;
            for (const channel of [0, 1, 2]) expect(found[crop]![layer]![row]![column]![channel]).toBeCloseTo(grey, 5);
          }
        }
      }
    }
  });

  it('looks at slices 8 k + 3, or the mean of several', async () => {
    const model = await patchMean();
    const crop = part(1, (_, z) => z / 16);
    const layers = async (given: Given): Promise<number[]> => {
      const tokens = await tokensOf(await open({ ...PLAIN, model, ...given }), crop);
      return [...tf.mean(tokens, [0, 2, 3, 4]).dataSync()].map((value) => Math.round(value * 16 * 1000) / 1000);
    };
    expect(await layers({})).toEqual([3, 11]);
    expect(await layers({ slicesPerLayer: 8 })).toEqual([3.5, 11.5]);
    expect(await layers({ sliceStride: 4 })).toEqual([1, 5, 9, 13]);
    expect(await layers({ slicesPerCall: 1, slicesPerLayer: 2 })).toEqual([3, 11]);
  });

  it('shows a bright blob where it is', async () => {
    const teacher = await open({ control: { channels: 24, blocks: 2, heads: 2, seed: 1 }, upscale: 1, sliceStride: 8 });
    const flat = await tokensOf(
      teacher,
      part(1, () => 0.2),
    );
    const blob = await tokensOf(
      teacher,
      part(1, (_, z, y, x) => (z >= 8 && y < 16 && x >= 32 ? 0.9 : 0.2)),
    );
    const change = tf.sum(tf.square(tf.sub(blob, flat)), 4);
    // [1, 2, 2, 3]: layer 1, row 0, column 2.
    expect(tf.argMax(tf.reshape(change, [-1])).dataSync()[0]).toBe(1 * 6 + 0 * 3 + 2);
  });

  it.each([
    ['coronal', 4, 1],
    ['sagittal', 6, 2],
  ] as const)('of %s slices has its cells along z, y, x', async (axis, layers, across) => {
    const teacher = await open({ ...PLAIN, axis, model: await patchMean() });
    const value = (_: number, ...place: number[]): number =>
      place.reduce((sum, voxel, i) => sum + 0.002 * (i + 1) * voxel, 0);
    // Patches of 16 voxels give 1 cell along z and 2 or 3 in the plane; slices at 8 k + 3 across it.
    const tokens = await tokensOf(teacher, part(1, value));
    const inPlane = [1, 2, 3].map((count, i) => (i === across ? layers : count));
    expect(tokens.shape).toEqual([1, ...inPlane, 3]);
    const found = tokens.arraySync() as number[][][][][];
    for (let y = 0; y < inPlane[1]!; y++) {
      for (let x = 0; x < inPlane[2]!; x++) {
        const centre = [7.5, across === 1 ? 8 * y + 3 : 16 * y + 7.5, across === 2 ? 8 * x + 3 : 16 * x + 7.5];
        expect(found[0]![0]![y]![x]![0]).toBeCloseTo(value(0, ...centre), 4);
      }
    }
  });

  it('takes a window in HU, also in calls of another size', async () => {
    const steps = [{ kind: 'clip', low: -75, high: 275 }, { kind: 'min-max' }] as const;
    const model = await patchMean();
    const teacher = createDinov3(
      optionsSchema.parse({ ...PLAIN, model, window: [-160, 240], slicesPerCall: 1, threads: 1 }),
    );
    opened.push(teacher);
    await teacher.open!({ normalisation: { steps, display: [0, 1] }, patch: PATCH } as unknown as TeacherSetup);
    // 0 HU is 75 / 350 after the normalisation, and 160 / 400 of the window.
    const tokens = await tokensOf(
      teacher,
      part(1, () => 75 / 350),
    );
    expect(tokens.dataSync()[0]).toBeCloseTo(0.4, 5);
  });

  it('doubles the grid with the pixels', async () => {
    const teacher = await open({ ...PLAIN, upscale: 2, model: await patchMean() });
    expect(
      (
        await tokensOf(
          teacher,
          part(1, () => 0.5),
        )
      ).shape,
    ).toEqual([1, 2, 4, 6, 3]);
  });

  it('maps the display window to [0, 1] and normalises colours', async () => {
    const model = await patchMean();
    const teacher = await open({ model, upscale: 1 }, [-100, 300]);
    const tokens = await tokensOf(
      teacher,
      part(1, () => 100),
    );
    const rgb = [...tokens.dataSync().slice(0, 3)];
    // (0.5 - mean) / deviation of ImageNet.
    [0.0655, 0.1964, 0.4178].forEach((expected, channel) => {
      expect(rgb[channel]).toBeCloseTo(expected, 3);
    });
    const bright = await tokensOf(
      teacher,
      part(1, () => 5000),
    );
    expect(bright.dataSync()[0]).toBeCloseTo((1 - 0.485) / 0.229, 4);
  });
});

describe('exports', () => {
  it('of patch tokens alone, of maps and of fixed size give the same grid', async () => {
    const crop = part(1, (_, z, y, x) => (z + 2 * Math.floor(y / 16) + 5 * Math.floor(x / 16)) / 30);
    const usual = await tokensOf(await open({ ...PLAIN, model: await patchMean() }), crop);
    const others: Given[] = [
      { model: await patchMean({ prefix: 0, outputName: 'patch_tokens' }) },
      { model: await patchMean({ layout: 'map', outputName: 'stage3' }), output: 'stage3' },
      { model: await patchMean({ input: [1, 3, 32, 48] }) },
      { model: await patchMean({ input: [3, 3, 32, 48] }) },
    ];
    for (const given of others) {
      const tokens = await tokensOf(await open({ ...PLAIN, ...given }), crop);
      expect(tokens.shape).toEqual(usual.shape);
      expect(tf.max(tf.abs(tf.sub(tokens, usual))).dataSync()[0]).toBeLessThan(1e-6);
    }
  });
});

describe('files that are no DINOv3', () => {
  it('are refused with what was expected and found', async () => {
    await expect(open({ model: '/nowhere/dinov3.onnx' })).rejects.toThrow(
      'DMX_DINOV3_MODEL  There is no file "/nowhere/dinov3.onnx"\n  why  The option "model" names it, and DinoMix ships no weights',
    );
    const text = await writeTemporary('text.onnx', 'this is not an ONNX file');
    await expect(open({ model: text })).rejects.toThrow(
      /text\.onnx" is not a DINOv3-like model\n {2}why {2}Expected an ONNX file that ONNX Runtime loads. Found: /,
    );
    const map = await patchMean({ layout: 'map', outputName: 'map' });
    await expect(open({ model: map })).rejects.toThrow('Expected an output with tokens');
    await expect(open({ model: map })).rejects.toThrow('Found map: float32 [batch, 3, h, w]');
    const patches8 = await patchMean({ patch: 32 });
    await expect(open({ model: patches8 })).rejects.toThrow('Expected 24: 4x6 patches of 16 pixels');
  });
});

describe('provenance', () => {
  it('of the random network says that it is none', async () => {
    const teacher = await open({});
    expect(teacher.provenance).toBe('teacher: random control weights, not DINOv3');
    expect(createDinov3(optionsSchema.parse({})).provenance).toBe(teacher.provenance);
  });

  it('of a file names it and its digest', async () => {
    const model = await patchMean();
    expect((await open({ model })).provenance).toMatch(/^teacher: model-.*\.onnx, sha256 [0-9a-f]{12}$/);
  });
});

it('with a cache, subtracts the mean of the whole data set from the first step on', async () => {
  const greys: Readonly<Record<string, number>> = { a: 0.2, b: 0.4, c: 0.9 };
  const directory = temporary('exact-mean');
  const begin = async (): Promise<TeacherSlot> => {
    const given = { ...PLAIN, model: await patchMean(), subtractMean: true, cache: { directory }, threads: 1 };
    const teacher = createDinov3(optionsSchema.parse(given));
    opened.push(teacher);
    await teacher.open!({
      normalisation: { steps: [], display: [0, 1] },
      patch: PATCH,
      dataset: { splits: { labelled: ['a'], unlabelled: ['b', 'c'] } },
      volume: async (caseId: string) => ({ shape: PATCH, image: new Float32Array(16 * 32 * 48).fill(greys[caseId]!) }),
      warn: () => undefined,
    } as unknown as TeacherSetup);
    return teacher;
  };
  const crops = [{ caseId: 'c', offset: [0, 0, 0], flips: [false, false, false] }] as const;
  const input = part(1, () => 0.9);
  const unlabelled = { ...input, host: () => ({ ...input.host(), crops }) };
  const [teacher, again] = [await begin(), await begin()];
  const tokens = await tokensOf(teacher, unlabelled);
  // 0.9 less the mean of 0.2, 0.4 and 0.9.
  expect(tokens.dataSync()[0]).toBeCloseTo(0.4, 3);
  await again.setState!(await teacher.getState!());
  expect((await tokensOf(again, unlabelled)).dataSync()).toEqual(tokens.dataSync());
  expect((await tokensOf(teacher, unlabelled)).dataSync()).toEqual(tokens.dataSync());
});

describe('the run', () => {
  it('gives tokens of both parts, the same in every run', async () => {
    const control = { channels: 24, blocks: 1, heads: 2, seed: 1 };
    const crop = part(1, (_, z, y, x) => ((z * 7 + y * 3 + x) % 11) / 11);
    const run = async () => (await open({ control })).predict({ labelled: crop, unlabelled: crop }, step());
    const [first, second] = [await run(), await run()];
    expect(Object.keys(first)).toEqual(['labelled', 'unlabelled']);
    expect(first.labelled!.tokens!.dataSync()).toEqual(second.labelled!.tokens!.dataSync());
    expect(first.labelled!.tokens!.dataSync()).toEqual(first.unlabelled!.tokens!.dataSync());
  });

  it('stops between calls when it is aborted', async () => {
    const teacher = await open({ ...PLAIN, model: await patchMean() });
    const aborted = AbortSignal.abort(new Error('stop'));
    await expect(teacher.predict({ unlabelled: part(1, () => 0) }, step(aborted))).rejects.toThrow('stop');
  });

  it('subtracts the mean of all tokens where asked, and goes on from a saved state', async () => {
    const given: Given = { ...PLAIN, model: await patchMean(), subtractMean: true };
    const teacher = await open(given);
    const first = await tokensOf(
      teacher,
      part(1, (_, _z, _y, x) => (x < 16 ? 0.9 : 0.3)),
    );
    // Mean of 0.9 and 0.3 over columns 0, 1, 2 is 0.5.
    expect(first.dataSync()[0]).toBeCloseTo(0.4, 5);
    const resumed = await open(given);
    await resumed.setState!(await teacher.getState!());
    const [through, again] = [
      await tokensOf(
        teacher,
        part(1, () => 0.7),
      ),
      await tokensOf(
        resumed,
        part(1, () => 0.7),
      ),
    ];
    expect(through.dataSync()[0]).toBeCloseTo(0.7 - (0.5 + 0.7) / 2, 5);
    expect(again.dataSync()).toEqual(through.dataSync());
    expect((await (await open({})).getState!()).arrays).toEqual({});
  });
});

it('options refuse a control network that its heads do not divide', () => {
  const { error } = optionsSchema.safeParse({ control: { channels: 100, heads: 3 } });
  expect(error!.issues[0]).toMatchObject({
    path: ['control'],
    message: 'Expected channels to be a multiple of 4 times the heads',
  });
});
