import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBinary } from '@bufbuild/protobuf';
import type { Index3 } from '@dinomix/core';
import * as tf from '@tensorflow/tfjs-core';
import { type ModelProto, ModelProtoSchema } from 'onnx-buf';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { relativeError, useEngine, values } from '../../test/engine-harness.js';
import { createStudent, type StudentOptions, type TestStudent } from '../../test/student-network.js';
import type { OnnxRuntimeBackend } from '../backend.js';
import { exportStudent } from './export-student.js';

const BASE: StudentOptions = {
  filters: 4,
  classes: 5,
  convolutions: [1, 2, 1],
  norm: 'batch',
  slope: 0,
  skip: 'add',
};

const PATCH: Index3 = [8, 8, 12];

function request(student: TestStudent, { classes, inputChannels = 1 }: StudentOptions, patch = PATCH) {
  return { ...student, inputChannels, classCount: classes, patch, metadata: { classNames: 'a,b,c,d,e' } };
}

async function written(
  options: StudentOptions,
): Promise<{ bytes: Uint8Array; student: TestStudent; engine: OnnxRuntimeBackend }> {
  const engine = await useEngine();
  const student = createStudent(options);
  return { bytes: await exportStudent(engine, request(student, options)), student, engine };
}

/** Logits of the file under a plain session, back in channel-last order. */
async function runFile(bytes: Uint8Array, image: tf.Tensor): Promise<Float32Array> {
  const session = await InferenceSession.create(bytes);
  const first = tf.transpose(image, [0, 4, 1, 2, 3]);
  const result = await session.run({ image: new Tensor('float32', first.dataSync() as Float32Array, first.shape) });
  const logits = result.logits!;
  const last = tf.transpose(tf.tensor(logits.data as Float32Array, [...logits.dims]), [0, 2, 3, 4, 1]);
  await session.release();
  return last.dataSync() as Float32Array;
}

function studentLogits({ model, weights }: TestStudent, image: tf.Tensor): Float32Array {
  const pass = {
    training: false,
    dropoutKey: () => tf.zeros([4]),
    updateBuffer: () => undefined,
    perturb: (_: string, x: tf.Tensor) => x,
    side: () => null,
    items: [],
  };
  return model.forward(image, weights, pass).logits.dataSync() as Float32Array;
}

function labelsOf(logits: Float32Array, classes: number): number[] {
  return Array.from({ length: logits.length / classes }, (_, voxel) => {
    const scores = logits.subarray(voxel * classes, (voxel + 1) * classes);
    return scores.indexOf(Math.max(...scores));
  });
}

const parse = (bytes: Uint8Array): ModelProto => fromBinary(ModelProtoSchema, bytes);
const opTypes = (model: ModelProto) => model.graph!.node.map(({ opType }) => opType);
const sidesOf = (model: ModelProto, port: 'input' | 'output') => {
  const type = model.graph![port][0]!.type!.value;
  return type.case === 'tensorType' ? type.value.shape!.dim.map(({ value }) => String(value.value)) : [];
};

const variants: readonly (readonly [string, Partial<StudentOptions>])[] = [
  ['batch norm, ReLU, sums', {}],
  ['batch norm, leaky ReLU, concatenation', { slope: 0.1, skip: 'concat' }],
  ['instance norm', { norm: 'instance', slope: 0.01 }],
  ['group norm', { norm: 'group', slope: 0.01 }],
  ['no norm, two input channels', { norm: 'none', inputChannels: 2 }],
];

/** Leaves a file with an image and its logits, channel first, for test/check_portable.py. */
function leave(name: string, bytes: Uint8Array, image: tf.Tensor, logits: Float32Array, classes: number): void {
  const directory = process.env.DINOMIX_ONNX_DIR;
  if (directory === undefined) return;
  const path = join(directory, name.replaceAll(/[^a-z0-9]+/gi, '-'));
  const last = tf.tensor(logits, [...image.shape.slice(0, 4), classes]);
  const [input, output] = [image, last].map((tensor) => tf.transpose(tensor, [0, 4, 1, 2, 3]));
  writeFileSync(`${path}.onnx`, bytes);
  writeFileSync(`${path}.input`, input!.dataSync() as Float32Array);
  writeFileSync(`${path}.output`, output!.dataSync() as Float32Array);
  writeFileSync(`${path}.json`, JSON.stringify({ input: input!.shape, output: output!.shape }));
}

describe('a student as an ONNX file', () => {
  it.each(variants)(
    'gives the logits and labels of the student at several sizes and batches: %s',
    async (name, change) => {
      const options = { ...BASE, ...change };
      const { bytes, student } = await written(options);
      for (const shape of [
        [1, 8, 8, 12],
        [2, 4, 12, 8],
        [3, 16, 4, 4],
      ]) {
        const image = values([...shape, options.inputChannels ?? 1], 77, 4);
        const expected = studentLogits(student, image);
        const found = await runFile(bytes, image);
        expect(relativeError(found, expected)).toBeLessThan(2e-6);
        expect(labelsOf(found, options.classes)).toEqual(labelsOf(expected, options.classes));
        leave(`${name} ${shape}`, bytes, image, expected, options.classes);
      }
    },
  );

  it('folds normalisations into convolutions, leaves sides free and uses the default domain alone', async () => {
    const { bytes } = await written(BASE);
    const model = parse(bytes);
    expect(new Set(opTypes(model))).toEqual(new Set(['Conv', 'Relu', 'ConvTranspose', 'Add']));
    expect(model.graph!.node.every(({ domain }) => domain === '')).toBe(true);
    expect(model.opsetImport.map(({ domain, version }) => [domain, Number(version)])).toEqual([['', 18]]);
    expect(sidesOf(model, 'input')).toEqual(['batch', '1', 'depth', 'height', 'width']);
    expect(sidesOf(model, 'output')).toEqual(['batch', '5', 'depth', 'height', 'width']);
    expect(Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]))).toEqual({
      classNames: 'a,b,c,d,e',
      'dinomix.channels': '1',
      'dinomix.classes': '5',
      'dinomix.format': '1',
      'dinomix.layout': 'NCDHW',
      'dinomix.multiple': '4,4,4',
      'dinomix.patch': '8,8,12',
      'dinomix.sha256': expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect([model.producerName, model.producerVersion]).toEqual(['dinomix', '1.0.0']);
  });

  it('folds W x f + s into (f W) x + s', async () => {
    const engine = await useEngine();
    const filter = tf.tensor([2, 3], [1, 1, 1, 1, 2]);
    const forward = (x: tf.Tensor) => {
      const y = tf.conv3d(x as tf.Tensor5D, filter as tf.Tensor5D, 1, 'same');
      // ((2x, 3x) - (1, 2)) / (4, 0.5) * (3, 5) + (10, 20) = (1.5x + 9.25, 30x)
      const normal = tf.div(tf.sub(y, tf.tensor1d([1, 2])), tf.tensor1d([4, 0.5]));
      return tf.add(tf.mul(normal, tf.tensor1d([3, 5])), tf.tensor1d([10, 20]));
    };
    const bytes = await exportStudent(engine, request(studentOf(forward), { ...BASE, classes: 2 }));
    const { graph } = parse(bytes);
    expect(graph!.node.map(({ opType }) => opType)).toEqual(['Conv']);
    const numbers = graph!.initializer.map(({ rawData }) => [...new Float32Array(new Uint8Array(rawData!).buffer)]);
    expect(numbers).toEqual([
      [1.5, 30],
      [9.25, 0],
    ]);
  });

  it('keeps a convolution whose unnormalised output is used elsewhere', async () => {
    const engine = await useEngine();
    const filter = values([3, 3, 3, 1, 2], 5) as tf.Tensor5D;
    const forward = (x: tf.Tensor) => {
      const y = tf.conv3d(x as tf.Tensor5D, filter, 1, 'same');
      return tf.add(tf.mul(y, tf.tensor1d([3, 5])), y);
    };
    const student = studentOf(forward);
    const bytes = await exportStudent(engine, request(student, { ...BASE, classes: 2 }));
    const image = values([1, 4, 4, 4, 1], 6);
    expect(relativeError(await runFile(bytes, image), studentLogits(student, image))).toBeLessThan(1e-6);
  });
});

/** A student without parameters of its own. */
function studentOf(forward: (x: tf.Tensor) => tf.Tensor): TestStudent {
  const model = {
    parameters: [],
    features: {},
    multiple: [4, 4, 4] as const,
    forward: (x: tf.Tensor) => ({ logits: forward(x), features: {} }),
  };
  return { model, weights: {} };
}

describe('other operations', () => {
  const cases: readonly (readonly [string, (x: tf.Tensor) => tf.Tensor, readonly string[]])[] = [
    [
      'pooling',
      (x) => tf.maxPool3d(tf.avgPool3d(x as tf.Tensor5D, 3, 1, 'same'), 2, 1, 'same'),
      ['AveragePool', 'MaxPool'],
    ],
    [
      'a gate from pooled features',
      (x) => tf.mul(x, tf.sigmoid(tf.mean(x, [1, 2, 3], true))),
      ['ReduceMean', 'Sigmoid', 'Mul'],
    ],
    [
      'a dense layer on pooled features',
      (x) => tf.mul(x, tf.reshape(tf.matMul(tf.mean(x, [1, 2, 3]), tf.ones([1, 1])), [-1, 1, 1, 1, 1])),
      ['ReduceMean', 'MatMul', 'Reshape', 'Transpose', 'Mul'],
    ],
    [
      'cutting and joining',
      (x) => tf.slice(tf.concat([x, tf.neg(x)], 4), [0, 0, 0, 0, 1], [-1, -1, -1, -1, 1]),
      ['Neg', 'Concat', 'Slice'],
    ],
    [
      'doubling planes by interpolation',
      (x) => {
        const [b, d, h, w] = x.shape as [number, number, number, number];
        const planes = tf.reshape(x, [b * d, h, w, 1]) as tf.Tensor4D;
        const larger = tf.image.resizeBilinear(planes, [2 * h, 2 * w], false, true);
        const nearest = tf.image.resizeNearestNeighbor(planes, [2 * h, 2 * w]);
        return tf.reshape(tf.avgPool(tf.sub(larger, nearest) as tf.Tensor4D, 2, 2, 'valid'), [b, d, h, w, 1]);
      },
      [
        'Transpose',
        'Reshape',
        'Transpose',
        'Resize',
        'Resize',
        'Resize',
        'Resize',
        'Sub',
        'AveragePool',
        'Transpose',
        'Reshape',
        'Transpose',
      ],
    ],
    ['clipping', (x) => tf.clipByValue(tf.relu6(x), 0.1, 0.7), ['Clip', 'Clip']],
  ];

  it.each(cases)('%s', async (name, program, expected) => {
    const engine = await useEngine();
    const student = studentOf((x) => tf.conv3d(program(x) as tf.Tensor5D, tf.tensor([2], [1, 1, 1, 1, 1]), 1, 'same'));
    const bytes = await exportStudent(engine, request(student, { ...BASE, classes: 1 }));
    const batch = sidesOf(parse(bytes), 'input')[0] === 'batch' ? 2 : 1;
    const image = values([batch, 8, 8, 12, 1], 9, 3);
    const logits = studentLogits(student, image);
    expect(relativeError(await runFile(bytes, image), logits)).toBeLessThan(1e-6);
    leave(name, bytes, image, logits, 1);
    expect(opTypes(parse(bytes)).slice(0, -1)).toEqual(expected);
  });

  it('writes a network that bakes its size for that size alone, and its batch where that is free', async () => {
    const engine = await useEngine();
    const padded = studentOf((x) =>
      tf.slice(
        tf.pad(x, [
          [0, 0],
          [1, 1],
          [0, 0],
          [0, 0],
          [0, 0],
        ]),
        [0, 1, 0, 0, 0],
        x.shape,
      ),
    );
    const scaled = studentOf((x) => tf.mul(x, tf.fill([1, ...x.shape.slice(1)], 3)));
    const fixed = studentOf((x) => tf.reshape(tf.transpose(tf.reshape(x, [x.shape[0]!, 2, -1]), [0, 2, 1]), x.shape));
    const rows = studentOf((x) => tf.reshape(tf.neg(tf.reshape(x, [8 * x.shape[0]!, ...x.shape.slice(2)])), x.shape));
    const sides = [];
    for (const student of [padded, scaled, fixed, rows]) {
      sides.push(
        sidesOf(parse(await exportStudent(engine, request(student, { ...BASE, classes: 1 }))), 'input').join(),
      );
    }
    expect(sides).toEqual(['batch,1,8,8,12', 'batch,1,depth,height,width', 'batch,1,8,8,12', '1,1,8,8,12']);
  });
});

describe('what cannot be written', () => {
  it('names the operation and the line that recorded it', async () => {
    const engine = await useEngine();
    const student = studentOf(function sortedVoxels(x) {
      return tf.reverse(x, 1);
    });
    await expect(exportStudent(engine, request(student, { ...BASE, classes: 1 }))).rejects.toThrow(
      /DMX_ENGINE_EXPORT: the operation Reverse .*no translation.*\n.*\[1,8,8,12,1\][\s\S]*sortedVoxels.*export-student\.test\.ts/,
    );
  });

  it('names the kernel that leaves the graph, and a value that is read', async () => {
    const engine = await useEngine();
    const reading = studentOf((x) => tf.mul(x, x.dataSync()[0]!));
    await expect(exportStudent(engine, request(reading, { ...BASE, classes: 1 }))).rejects.toThrow(
      /the network reads a value while it is recorded.*export-student\.test\.ts/,
    );
    const constant = studentOf((x) => tf.ones([...x.shape]));
    await expect(exportStudent(engine, request(constant, { ...BASE, classes: 1 }))).rejects.toThrow(
      'the logits do not depend on the input',
    );
  });

  it('refuses logits of another shape and reserved metadata', async () => {
    const engine = await useEngine();
    const student = studentOf((x) => tf.neg(x));
    await expect(exportStudent(engine, request(student, BASE))).rejects.toThrow(
      'logits [1,8,8,12,1] for an input [1,8,8,12,1], not [1,8,8,12,5]',
    );
    const given = { ...request(student, { ...BASE, classes: 1 }), metadata: { 'dinomix.patch': '1' } };
    await expect(exportStudent(engine, given)).rejects.toThrow(
      '"dinomix.patch" begins with "dinomix.", which is reserved',
    );
  });
});
