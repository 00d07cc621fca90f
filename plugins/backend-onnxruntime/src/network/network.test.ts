import { createHash } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Index3, WindowLook, WindowSum } from '@dinomix/core';
import * as tf from '@tensorflow/tfjs-core';
import { type ModelProto, ModelProtoSchema, StringStringEntryProtoSchema } from 'onnx-buf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { relativeError, useEngine, values } from '../../test/engine-harness.js';
import { createStudent, type StudentOptions } from '../../test/student-network.js';
import type { OnnxRuntimeBackend } from '../backend.js';
import { exportStudent } from '../export/export-student.js';
import { writesInPlace } from '../session/in-place.js';
import { probeBlock } from '../session/probe.js';
import type { InferenceNetwork } from './checked-network.js';
import { loadNetwork, openStudent } from './network.js';
import type { Mirror } from './windows.js';

type Shape5 = [number, number, number, number, number];

const BASE: StudentOptions = {
  filters: 16,
  classes: 5,
  convolutions: [1, 2, 1],
  norm: 'batch',
  slope: 0,
  skip: 'add',
};
const PATCH: Index3 = [8, 8, 12];

const blocked = probeBlock() > 0;
if (!blocked) console.log('skipped: ONNX Runtime has no channel-blocked operators on this processor');
const onBlocked = it.skipIf(!blocked);

let engine: OnnxRuntimeBackend;
beforeAll(async () => {
  engine = await useEngine();
});

async function fileOf(change: Partial<StudentOptions> = {}): Promise<Uint8Array> {
  const options = { ...BASE, ...change };
  const { inputChannels = 1, classes, convolutions } = options;
  const patch = PATCH.map((side) => side * 2 ** (convolutions.length - 3)) as unknown as Index3;
  const student = createStudent(options);
  return exportStudent(engine, {
    ...student,
    inputChannels,
    classCount: classes,
    patch,
    metadata: { run: 'r1' },
  });
}

function imageOf(shape: Shape5, seed = 3): Float32Array {
  return values(shape, seed, 4).dataSync() as Float32Array;
}

/** The file under a plain session with ONNX Runtime's own dense operations: logits [b, d, h, w, k]. */
async function reference(bytes: Uint8Array, x: Float32Array, shape: Shape5): Promise<Float32Array> {
  const session = await InferenceSession.create(bytes, { graphOptimizationLevel: 'disabled' });
  const first = tf.transpose(tf.tensor(x, shape), [0, 4, 1, 2, 3]);
  const result = await session.run({ image: new Tensor('float32', first.dataSync() as Float32Array, first.shape) });
  const logits = result.logits!;
  const last = tf.transpose(tf.tensor(logits.data as Float32Array, [...logits.dims]), [0, 2, 3, 4, 1]);
  await session.release();
  return last.dataSync() as Float32Array;
}

async function compare(bytes: Uint8Array, network: InferenceNetwork, shapes: readonly Shape5[]): Promise<void> {
  for (const shape of shapes) {
    const x = imageOf(shape);
    const { data, shape: found } = await network.run(x, shape);
    expect(found).toEqual([...shape.slice(0, 4), BASE.classes]);
    expect(relativeError(data, await reference(bytes, x, shape))).toBeLessThan(3e-6);
  }
}

/** Depths of every remainder at every level: tiles of four, two and one plane. */
const sizes: readonly Shape5[] = [
  [1, 16, 8, 12, 1],
  [2, 8, 12, 4, 1],
  [1, 12, 4, 8, 1],
  [1, 4, 4, 4, 1],
];

const variants: readonly (readonly [string, Partial<StudentOptions>])[] = [
  ['ReLU, sums', {}],
  ['leaky ReLU, concatenation', { slope: 0.1, skip: 'concat' }],
  ['instance norm', { norm: 'instance', slope: 0.01 }],
  ['group norm', { norm: 'group', slope: 0.01 }],
  ['no norm, four levels', { norm: 'none', convolutions: [1, 1, 1, 2] }],
];

describe('a loaded file of this package', () => {
  onBlocked.each(variants)('gives the logits of a plain session: %s', async (_, change) => {
    const bytes = await fileOf(change);
    const network = await loadNetwork(engine, bytes);
    expect(network.lowering).toBe('planes');
    const shapes = change.convolutions ? sizes.map(([b, d, h, w, c]): Shape5 => [b, 2 * d, 2 * h, 2 * w, c]) : sizes;
    await compare(bytes, network, shapes);
    await network.dispose();
  });

  it('gives them where channels fill no whole block, and for several input channels', async () => {
    for (const change of [{ filters: 6 }, { filters: 8, inputChannels: 2 }, { inputChannels: 7 }]) {
      const bytes = await fileOf(change);
      const network = await loadNetwork(engine, bytes);
      await compare(bytes, network, [[1, 8, 8, 4, change.inputChannels ?? 1]]);
      await network.dispose();
    }
  });

  onBlocked('takes sixteen classes, which need no padding', async () => {
    const bytes = await fileOf({ classes: 16 });
    const network = await loadNetwork(engine, bytes);
    const shape: Shape5 = [1, 8, 4, 4, 1];
    const { data } = await network.run(imageOf(shape), shape);
    expect(relativeError(data, await reference(bytes, imageOf(shape), shape))).toBeLessThan(3e-6);
    await network.dispose();
  });

  onBlocked('convolves large volumes some tiles at a time, the last group the smaller', async () => {
    const bytes = await fileOf({ convolutions: [2, 1, 1] });
    const network = await loadNetwork(engine, bytes);
    // Of 16 channels nine tiles of 4 planes are 54 MiB when transformed.
    await compare(bytes, network, [[1, 36, 128, 128, 1]]);
    await network.dispose();
  });

  onBlocked('is read again for another size where it can be, and then has to be the same', async () => {
    const [bytes, other] = [await fileOf(), await fileOf({ slope: 0.3 })];
    let [reads, given] = [0, bytes];
    const network = await loadNetwork(engine, Uint8Array.from(bytes), async () => {
      reads++;
      return given;
    });
    const shapes = sizes.slice(0, 3);
    await compare(bytes, network, shapes);
    // The first size takes the bytes that were given; the two latest sizes stay compiled.
    expect(reads).toBe(2);
    await compare(bytes, network, shapes.slice(1));
    expect(reads).toBe(2);
    given = other;
    await expect(network.run(imageOf(shapes[0]!), shapes[0]!)).rejects.toThrow(
      /DMX_ENGINE_NETWORK: the network file was replaced/,
    );
    await network.dispose();
  });

  it('tells its strings and classes, keeps the sizes in use, and can be disposed of', async () => {
    const network = await loadNetwork(engine, await fileOf());
    expect(network.metadata).toMatchObject({ run: 'r1', 'dinomix.patch': '8,8,12' });
    expect([network.inputSides, network.classCount]).toEqual([[null, null, null, null, 1], 5]);
    const results: number[] = [];
    for (const depth of [4, 8, 12, 4]) {
      const shape: Shape5 = [1, depth, 4, 4, 1];
      results.push((await network.run(imageOf(shape), shape)).data[7]!);
    }
    expect(results[3]).toBe(results[0]);
    await network.dispose();
    await network.dispose();
    await expect(network.run(imageOf([1, 4, 4, 4, 1]), [1, 4, 4, 4, 1])).rejects.toThrow('DMX_ENGINE_DISPOSED');
  });

  it('refuses images that do not fit', async () => {
    const network = await loadNetwork(engine, await fileOf());
    const run = (shape: Shape5, length?: number) =>
      network.run(new Float32Array(length ?? shape.reduce((a, b) => a * b, 1)), shape);
    await expect(run([1, 6, 4, 4, 1])).rejects.toThrow('multiples of [4,4,4], not [6,4,4]');
    await expect(run([1, 4, 4, 4, 2])).rejects.toThrow('takes 1 channels, not 2');
    await expect(run([1, 4, 4, 4, 1], 63)).rejects.toThrow('has 64 numbers, found 63');
    await network.dispose();
  });
});

describe('a student opened with its present weights', () => {
  onBlocked.each(variants)('gives the logits of its file: %s', async (_, change) => {
    const options = { ...BASE, ...change };
    const bytes = await fileOf(change);
    const request = { ...createStudent(options), inputChannels: 1, classCount: options.classes };
    const network = await openStudent(engine, request);
    expect(network!.lowering).toBe('planes');
    const [b, d, h, w, c] = [2, 16, 16, 24, 1] as const;
    await compare(bytes, network!, [[b, d, h, w, c]]);
    await network!.dispose();
  });

  onBlocked('is none where the network reads a value while it is recorded', async () => {
    const student = createStudent(BASE);
    const model: typeof student.model = {
      ...student.model,
      forward: (x, weights, pass) => {
        x.dataSync();
        return student.model.forward(x, weights, pass);
      },
    };
    expect(await openStudent(engine, { ...student, model, inputChannels: 1, classCount: 5 })).toBeNull();
  });
});

/** The same graph as another program would write it: without the metadata of this package. */
function foreign(bytes: Uint8Array, change: (model: ModelProto) => void = () => undefined): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  model.metadataProps = [];
  change(model);
  return toBinary(ModelProtoSchema, model);
}

it('runs as it is where the blocked operators are not to be used', async () => {
  const dense = await useEngine({ lowering: 'dense' });
  const student = createStudent(BASE);
  const bytes = await exportStudent(dense, { ...student, inputChannels: 1, classCount: 5, patch: PATCH, metadata: {} });
  const network = await loadNetwork(dense, bytes);
  expect(network.lowering).toBe('plain');
  await compare(bytes, network, sizes.slice(0, 1));
  await network.dispose();
  engine = await useEngine();
});

describe('any other file', () => {
  it('runs as it is', async () => {
    const bytes = foreign(await fileOf({ filters: 4 }));
    const network = await loadNetwork(engine, bytes);
    expect(network.lowering).toBe('plain');
    expect(network.openWindows).toBeUndefined();
    await compare(bytes, network, sizes.slice(0, 2));
    await network.dispose();
  });

  it('runs sample by sample where its batch is fixed', async () => {
    const bytes = await fileOf({ filters: 4 });
    const fixed = foreign(bytes, ({ graph }) => {
      for (const port of [graph!.input[0]!, graph!.output[0]!]) {
        const type = port.type!.value;
        if (type.case === 'tensorType') type.value.shape!.dim[0]!.value = { case: 'dimValue', value: 1n };
      }
    });
    const network = await loadNetwork(engine, fixed);
    await compare(bytes, network, [[3, 8, 4, 4, 1]]);
    await network.dispose();
  });

  it('is refused with what was expected and found', async () => {
    const bytes = await fileOf({ filters: 4 });
    const refusal = async (file: Uint8Array): Promise<string> => {
      const error = await loadNetwork(engine, file).then(
        () => new Error('was not refused'),
        (cause: Error) => cause,
      );
      expect(error.message).toContain('DMX_ENGINE_NETWORK');
      return error.message;
    };
    const text = (content: string) => new TextEncoder().encode(content);
    expect(await refusal(new Uint8Array(0))).toContain('expected an ONNX file, found no bytes');
    expect(await refusal(text('<!DOCTYPE html><html>'))).toContain('beginning "<!DOCTYPE html><"');
    expect(await refusal(bytes.subarray(0, bytes.length >> 1))).toContain('expected an ONNX file, found');
    const emptied = foreign(bytes, ({ graph }) => graph!.node.splice(0));
    expect(await refusal(emptied)).toContain('expected an ONNX graph, found none');
    const twice = foreign(bytes, ({ graph }) => graph!.input.push({ ...graph!.input[0]!, name: 'mask' }));
    expect(await refusal(twice)).toContain('expected one input, found 2 (image, mask)');
    const flat = foreign(bytes, ({ graph }) => {
      const type = graph!.input[0]!.type!.value;
      if (type.case === 'tensorType') type.value.shape!.dim.pop();
    });
    expect(await refusal(flat)).toContain(
      'expected a float32 input [batch, channels, depth, height, width], found "image" of element type 1 and shape [batch, 1, depth, height]',
    );
    const outside = foreign(bytes, ({ graph }) => {
      graph!.initializer[0]!.dataLocation = 1;
      graph!.initializer[0]!.externalData.push(
        create(StringStringEntryProtoSchema, { key: 'location', value: 'weights.bin' }),
      );
    });
    expect(await refusal(outside)).toContain(
      'expected all weights inside the file, found "weight_1" stored in weights.bin',
    );
    const later = foreign(bytes, (model) => {
      model.metadataProps.push(create(StringStringEntryProtoSchema, { key: 'dinomix.format', value: '9' }));
    });
    expect(await refusal(later)).toContain('expected format 1, found format 9');
    const unknown = foreign(bytes, ({ graph }) => {
      graph!.node[0]!.opType = 'Convolve';
    });
    expect(await refusal(unknown)).toMatch(/ONNX Runtime refused it: .*Convolve/);
  });

  it('of this package is refused with any part changed, and without its digest', async () => {
    const bytes = await fileOf({ filters: 4 });
    const refusal = (file: Uint8Array) =>
      loadNetwork(engine, file).then(
        () => 'was not refused',
        (cause: Error) => cause.message,
      );
    const flipped = (at: number) => bytes.with(at, bytes[at]! ^ 1);
    const place = (text: string) => Buffer.from(bytes).lastIndexOf(text);
    // The run that the metadata names, a weight (raw data of 4 x 1 x 27 numbers), the digest itself.
    const { rawData } = fromBinary(ModelProtoSchema, bytes).graph!.initializer[0]!;
    const weight = Buffer.from(bytes).indexOf(rawData!);
    for (const at of [place('r1') + 1, weight + 100, bytes.length - 1]) {
      expect(await refusal(flipped(at))).toContain('its sha256 differs');
    }
    const model = fromBinary(ModelProtoSchema, bytes);
    model.metadataProps.pop();
    expect(await refusal(toBinary(ModelProtoSchema, model))).toContain('has lost its digest');
  });

  it('carries the sha256 of all before its last entry', async () => {
    const bytes = await fileOf({ filters: 4 });
    const last = fromBinary(ModelProtoSchema, bytes).metadataProps.at(-1)!;
    expect(last.key).toBe('dinomix.sha256');
    const entry = create(ModelProtoSchema, { metadataProps: [last] });
    const before = bytes.subarray(0, bytes.length - toBinary(ModelProtoSchema, entry).length);
    expect(last.value).toBe(createHash('sha256').update(before).digest('hex'));
  });
});

const VOLUME: Index3 = [12, 12, 16];
const WINDOW: Index3 = [8, 8, 8];
const origins: readonly Index3[] = [
  [0, 0, 0],
  [4, 2, 5],
  [3, 4, 8],
  [-3, 7, 11],
];

/** Softmax of `run`'s logits, weighted and added voxel by voxel. */
async function expectedSums(
  network: InferenceNetwork,
  images: Float32Array,
  importance: Float32Array | undefined,
  mirror: Mirror,
): Promise<Float32Array> {
  const size = 8 * 8 * 8;
  const sums = new Float32Array(12 * 12 * 16 * BASE.classes);
  const axes = [0, 1, 2].filter((axis) => mirror[axis]).map((axis) => axis + 1);
  for (const [index, [z0, y0, x0]] of origins.entries()) {
    const image = tf.tensor(images.slice(index * size, (index + 1) * size), [1, ...WINDOW, 1]);
    const shown = tf.reverse(image, axes).dataSync() as Float32Array;
    const { data } = await network.run(shown, [1, ...WINDOW, 1]);
    const scores = tf.softmax(tf.tensor(data, [1, ...WINDOW, BASE.classes]));
    const back = tf.reverse(scores, axes).dataSync();
    for (let voxel = 0; voxel < size; voxel++) {
      const [z, y, x] = [z0 + (voxel >> 6), y0 + ((voxel >> 3) & 7), x0 + (voxel & 7)];
      if (z < 0 || y >= 12 || x >= 16) continue;
      for (let k = 0; k < BASE.classes; k++) {
        sums[((z * 12 + y) * 16 + x) * BASE.classes + k]! +=
          back[voxel * BASE.classes + k]! * (importance?.[voxel] ?? 1);
      }
    }
  }
  return sums;
}

function classesOnly({ sums, lanes }: WindowSum): Float32Array {
  return Float32Array.from({ length: 12 * 12 * 16 * BASE.classes }, (_, index) => {
    return sums[Math.floor(index / BASE.classes) * lanes + (index % BASE.classes)]!;
  });
}

const looksOf = (mirrored: Mirror): WindowLook[] => origins.map((origin) => ({ origin, mirrored }));
const UNMIRRORED: Mirror = [false, false, false];

describe.skipIf(!blocked)('sums over windows', () => {
  const importance = Float32Array.from({ length: 512 }, (_, voxel) => 0.1 + (voxel % 37) / 37);
  const images = Float32Array.from({ length: 4 * 512 }, (_, index) => Math.sin(index * 12.9898) * 2);

  it.each([
    ['uniform', undefined, UNMIRRORED],
    ['weighted', importance, UNMIRRORED],
    ['weighted and mirrored', importance, [true, false, true]],
    ['mirrored in height', undefined, [false, true, false]],
  ] as const)('are those of the single windows: %s', async (_, weights, mirror) => {
    const network = await loadNetwork(engine, await fileOf());
    const request = { slab: VOLUME, window: WINDOW, ...(weights ? { importance: weights } : {}) };
    const windows = await network.openWindows!(request);
    await windows.add(images, looksOf(mirror));
    const expected = await expectedSums(network, images, weights, mirror);
    const found = classesOnly(windows);
    expect(relativeError(found, expected)).toBeLessThan(2e-6);
    const labels = windows.labels(VOLUME[0]);
    const rows = tf.argMax(tf.tensor(found, [12 * 12 * 16, BASE.classes]), 1).dataSync();
    expect([...labels]).toEqual([...rows]);
    await network.dispose();
  });

  it('start from zero again in reused memory, and refuse what does not fit', async () => {
    const network = await loadNetwork(engine, await fileOf());
    const open = () => network.openWindows!({ slab: VOLUME, window: WINDOW });
    const looks = looksOf(UNMIRRORED);
    const first = await open();
    await first.add(images, looks);
    const expected = classesOnly(first);
    first.dispose();
    const second = await open();
    await second.add(images, looks);
    expect(classesOnly(second)).toEqual(expected);
    const crooked: WindowLook = { origin: [0.5, 0, 0], mirrored: UNMIRRORED };
    await expect(second.add(images.subarray(0, 512), [crooked])).rejects.toThrow('[0.5,0,0]; expected whole numbers');
    await expect(second.add(images, looks.slice(0, 1))).rejects.toThrow('are 512 numbers, found 2048');
    await expect(
      network.openWindows!({ slab: VOLUME, window: WINDOW, importance: new Float32Array(3) }),
    ).rejects.toThrow('has 512 numbers, found 3');
    await network.dispose();
  });
});

it('results are written in place', () => {
  expect(writesInPlace()).toBe(true);
});
