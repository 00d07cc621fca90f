import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { createVolume, readNifti, writeNifti } from '@dinomix/volume';
import { type ModelProto, ModelProtoSchema, type StringStringEntryProto, StringStringEntryProtoSchema } from 'onnx-buf';
import { beforeAll, describe, expect, it } from 'vitest';
import { dinomix, projectOf, temporaryFolder } from '../../test/harness.js';
import { FACTS, randomImage, randomNetwork, SHAPE } from '../../test/random-network.js';
import { READING } from '../../test/trained-images.js';

const image = randomImage(SHAPE);
let bytes: Uint8Array;
let expected: readonly number[];

beforeAll(async () => {
  const network = await randomNetwork(2);
  ({ bytes, labels: expected } = network);
  await network.dispose();
});

const project = (folder: string) => {
  const load = async () => import('@dinomix/backend-onnxruntime');
  return projectOf(folder, { '@dinomix/backend-onnxruntime': { provides: ['backend:onnxruntime'], load } });
};

/** Predicts the image with a network file of this content. */
async function predictWith(content: Uint8Array) {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'net.onnx'), content);
  await writeNifti(join(folder, 'in.nii.gz'), createVolume({ data: image, shape: SHAPE }));
  const args = ['predict', 'in.nii.gz', '-n', 'net.onnx', '-o', 'out.nii.gz', '--threads', '1'];
  return { folder, ...(await dinomix(args, { folder, packages: project(folder) })) };
}

it('predicts with an exported network what the network itself says', async () => {
  const { folder, code, err } = await predictWith(bytes);
  expect(code, err).toBe(0);
  const { volume, labelNames } = await readNifti(join(folder, 'out.nii.gz'));
  expect(new Set(expected).size).toBeGreaterThan(1);
  expect([...volume.data]).toEqual(expected);
  expect([...labelNames!.values()]).toEqual(FACTS.classes.map(({ name }) => name));
});

const DIGEST = 'dinomix.sha256';

/** The file as it would have been written with a change. */
function changed(change: (model: ModelProto) => void): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes);
  change(model);
  model.metadataProps = model.metadataProps.filter(({ key }) => key !== DIGEST);
  const written = toBinary(ModelProtoSchema, model);
  const value = createHash('sha256').update(written).digest('hex');
  const entry = create(ModelProtoSchema, {
    metadataProps: [create(StringStringEntryProtoSchema, { key: DIGEST, value })],
  });
  return Buffer.concat([written, toBinary(ModelProtoSchema, entry)]);
}

/** The file with other facts, or another entry of its metadata. */
function withMetadata(change: (entries: Map<string, string>) => void): Uint8Array {
  return changed((model) => {
    const entries = new Map(model.metadataProps.map(({ key, value }) => [key, value]));
    change(entries);
    model.metadataProps = [...entries].map(
      ([key, value]): StringStringEntryProto => create(StringStringEntryProtoSchema, { key, value }),
    );
  });
}

const withFacts = (facts: object) =>
  withMetadata((entries) => entries.set('network', JSON.stringify({ ...FACTS, ...facts })));

/** The file with other letters in its metadata. */
function renamed(from: string, to: string): Uint8Array {
  return Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll(from, to), 'latin1');
}

/** Sides of the input, [b, c, d, h, w]. */
function inputSides(model: ModelProto) {
  const type = model.graph!.input[0]!.type!.value;
  return type.case === 'tensorType' ? type.value.shape!.dim : [];
}

const GIANT = 2n ** 62n;

describe('a file that is no exported network is refused', () => {
  it.each<readonly [string, () => Uint8Array, string]>([
    ['empty', () => new Uint8Array(0), 'expected an ONNX file, found no bytes'],
    ['random bytes', () => new Uint8Array(Buffer.from(image.buffer)), 'expected an ONNX file, found 12288 bytes'],
    ['a changed weight', () => bytes.with(bytes.length >> 1, bytes[bytes.length >> 1]! ^ 1), 'its sha256 differs'],
    ['another class name', () => renamed('spleen', 'kidney'), 'its sha256 differs'],
    ['cut off', () => bytes.subarray(0, bytes.length / 2), 'expected an ONNX file, found'],
    ['an ONNX file of something else', () => withMetadata((entries) => entries.clear()), '"network" is missing'],
    ['without the facts', () => withMetadata((entries) => entries.delete('network')), '"network" is missing'],
    ['damaged facts', () => withMetadata((entries) => entries.set('network', '{"title"')), '"network" is not JSON'],
    ['an unknown setting', () => withFacts({ colour: 1 }), 'Unrecognized key: "colour"'],
    ['axes that are none', () => withFacts({ axes: 'LRS' }), 'axes: Invalid string'],
    ['a volume that is none', () => withFacts({ reading: { ...READING, frame: -1 } }), 'reading.frame: Too small'],
    ['damaged sizes', () => withMetadata((entries) => entries.set('dinomix.multiple', '4,x,4')), 'found "4,x,4"'],
    [
      'another format',
      () => withMetadata((entries) => entries.set('dinomix.format', '9')),
      'expected format 1, found format 9',
    ],
    [
      'images of two axes',
      () => changed((model) => inputSides(model).splice(2, 1)),
      'expected a float32 input [batch, channels, depth, height, width], found "image"',
    ],
    ['three channels', () => changed((model) => setSide(model, 1, 3n)), 'its graph takes [any, any, any, any, 3]'],
    ['a giant input', () => changed((model) => setSide(model, 2, GIANT)), 'its graph takes [any, 4611686018427388000'],
    ['giant windows', () => withFacts({ patch: [4096, 4096, 4096] }), 'patch: Expected at most 134217728 voxels'],
    [
      'giant batches',
      () => withFacts({ inference: { ...FACTS.inference, batch: 4096, mirror: [] }, patch: [64, 128, 128] }),
      'inference.batch: Expected windows of at most 134217728 voxels together',
    ],
    [
      'a giant grid',
      () =>
        withFacts({ preprocessing: { ...FACTS.preprocessing, grid: { kind: 'shape', shape: [4096, 4096, 4096] } } }),
      'preprocessing.grid.shape: Expected at most 134217728 voxels',
    ],
    [
      'a giant weight',
      () =>
        changed((model) => {
          model.graph!.initializer[0]!.dims = [GIANT, 1n, 3n, 3n, 3n];
        }),
      'in the weight "weight_1" of shape [4611686018427388000,1,3,3,3], found 54',
    ],
    [
      'names for more classes than it gives',
      () => withFacts({ classes: [...FACTS.classes, { ...FACTS.classes[2], index: 3 }] }),
      'it names 4 classes, and its graph gives 3',
    ],
  ])('%s', async (_, content, reason) => {
    const { code, err } = await predictWith(content());
    expect(code).toBe(1);
    expect(err).toContain('DMX_NETWORK_FILE');
    expect(err).toContain(reason);
  });
});

function setSide(model: ModelProto, axis: number, value: bigint): void {
  inputSides(model)[axis]!.value = { case: 'dimValue', value };
}

it('a grid too fine for the memory is named, and nothing is written', async () => {
  const grid = { kind: 'spacing', spacing: [1e-4, 1e-4, 1e-4] };
  const { code, err } = await predictWith(withFacts({ preprocessing: { ...FACTS.preprocessing, grid } }));
  expect(code).toBe(1);
  expect(err).toContain('DMX_PREDICT_MEMORY');
});

it('tells the doctor what the engine would do here', async () => {
  const folder = temporaryFolder();
  const { out } = await dinomix(['doctor', '--json'], { folder, packages: project(folder) });
  const [backend] = JSON.parse(out).backends;
  expect(backend.facts).toMatchObject({ package: 'onnxruntime-node', version: '1.30.0', device: 'cpu' });
  const devices = backend.devices.map(({ device }: { device: string }) => device);
  expect(devices.sort()).toEqual(['auto', 'cpu', 'cuda', 'webgpu']);
});
