import { readFile, rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { toFloat16, writeFileAtomic } from '@dinomix/volume';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from 'onnx-buf';
import { ELEMENT, type OnnxModel, type StoredWeight } from './graph.js';

/** Protocol buffers end at 2 GiB. */
const LARGEST_MESSAGE = 2 ** 31 - 1;
/** Tensors up to this many bytes stay in the model file when the others go beside it. */
const SMALL_TENSOR = 1024;
/** Offsets of external tensors are whole pages, so that ONNX Runtime can map them. */
const PAGE = 4096;

/** Numbers of the fields that are written by hand (onnx.proto). */
const FIELD = { modelGraph: 7, graphInitializer: 5, tensorRawData: 9 } as const;

/** What was written. */
export interface WrittenModel {
  /** The model, and the file with its weights where there is one. */
  readonly files: readonly string[];
  readonly bytes: number;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

/** Key and length before the bytes of a field. */
function fieldHead(field: number, length: number): Uint8Array {
  return Uint8Array.from([...varint(field * 8 + 2), ...varint(length)]);
}

function byteLength({ shape, precision }: StoredWeight): number {
  return shape.reduce((product, side) => product * side, precision === 'float32' ? 4 : 2);
}

async function bytesOf(weight: StoredWeight): Promise<Uint8Array> {
  const values = await weight.read();
  const stored = weight.precision === 'float32' ? values : toFloat16(values);
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}

function tensorHead({ name, shape, precision }: StoredWeight): TensorProto {
  const dims = shape.map((side) => BigInt(side));
  return create(TensorProtoSchema, { name, dims, dataType: ELEMENT[precision] });
}

function encodeModel(graph: OnnxModel['graph'] | undefined): Uint8Array {
  // Operator set 20 has Gelu; IR 9 is the version that came with it.
  const opsetImport = [create(OperatorSetIdProtoSchema, { domain: '', version: 20n })];
  const model = { irVersion: 9n, opsetImport, producerName: 'dinomix' };
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, graph === undefined ? model : { ...model, graph }));
}

/** The parts of a weight as an initializer of the graph, apart from its values, which come last. */
function initializerHead(weight: StoredWeight): Uint8Array {
  const head = toBinary(TensorProtoSchema, tensorHead(weight));
  const values = fieldHead(FIELD.tensorRawData, byteLength(weight));
  const length = head.byteLength + values.byteLength + byteLength(weight);
  return Buffer.concat([fieldHead(FIELD.graphInitializer, length), head, values]);
}

/** A model with its weights inside, piece by piece: no more than one of them is in memory at once. */
async function* singleFile({ graph, weights }: OnnxModel): AsyncGenerator<Uint8Array> {
  const nodes = toBinary(GraphProtoSchema, graph);
  const heads = weights.map(initializerHead);
  const length = weights.reduce(
    (sum, weight, index) => sum + heads[index]!.byteLength + byteLength(weight),
    nodes.byteLength,
  );
  yield encodeModel(undefined);
  yield fieldHead(FIELD.modelGraph, length);
  yield nodes;
  for (const [index, weight] of weights.entries()) {
    yield heads[index]!;
    yield await bytesOf(weight);
  }
}

/** Where each weight lies in the file beside the model. */
function layOut(weights: readonly StoredWeight[]): ReadonlyMap<StoredWeight, number> {
  const places = new Map<StoredWeight, number>();
  let offset = 0;
  for (const weight of weights) {
    if (byteLength(weight) <= SMALL_TENSOR) continue;
    places.set(weight, offset);
    offset = Math.ceil((offset + byteLength(weight)) / PAGE) * PAGE;
  }
  return places;
}

async function* externalData(places: ReadonlyMap<StoredWeight, number>): AsyncGenerator<Uint8Array> {
  let written = 0;
  for (const [weight, offset] of places) {
    if (offset > written) yield new Uint8Array(offset - written);
    const bytes = await bytesOf(weight);
    yield bytes;
    written = offset + bytes.byteLength;
  }
}

/** A model with its weights beside it is smaller, bytes. */
const LARGEST_WITHOUT_WEIGHTS = 2 ** 26;

/** The file beside the model that has this path at present; null where it has none. */
async function presentWeights(path: string): Promise<string | null> {
  const found = await stat(path).catch(() => null);
  if (found === null || !found.isFile() || found.size > LARGEST_WITHOUT_WEIGHTS) return null;
  const bytes = await readFile(path);
  return weightPaths(path).find((beside) => bytes.includes(basename(beside))) ?? null;
}

/** Names that the file with the weights of a model may have, the first one first. */
export function weightPaths(path: string): readonly [string, string] {
  return [`${path}_data`, `${path}_weights`];
}

async function writeSplit({ graph, weights }: OnnxModel, path: string): Promise<WrittenModel> {
  // A model that is replaced keeps its own weights until the new one has its name: none ever lies beside those of the other.
  const last = await presentWeights(path);
  const dataPath = weightPaths(path).find((beside) => beside !== last)!;
  const places = layOut(weights);
  const initializers: TensorProto[] = [];
  for (const weight of weights) {
    const offset = places.get(weight);
    const tensor = tensorHead(weight);
    if (offset === undefined) {
      tensor.rawData = Uint8Array.from(await bytesOf(weight));
    } else {
      const place = { location: basename(dataPath), offset: String(offset), length: String(byteLength(weight)) };
      tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
      tensor.externalData = Object.entries(place).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value }),
      );
    }
    initializers.push(tensor);
  }
  const model = encodeModel({ ...graph, initializer: [...graph.initializer, ...initializers] });
  await writeFileAtomic(dataPath, externalData(places));
  try {
    await writeFileAtomic(path, model);
  } catch (error) {
    await rm(dataPath, { force: true });
    throw error;
  }
  if (last !== null) await rm(last, { force: true });
  const inside = [...places].reduce((sum, [weight]) => sum + byteLength(weight), 0);
  return { files: [path, dataPath], bytes: model.byteLength + inside };
}

/**
 * Writes a model so that its file is there whole or not at all. What would not fit into a protocol buffer goes to
 * `<path>_data`, as ONNX's external data.
 * @param largestFile - bytes above which the weights go beside the model.
 * @throws VolumeError `DMX_FILE_WRITE`; whatever reading a weight throws.
 */
export async function writeModel(
  model: OnnxModel,
  path: string,
  { largestFile = LARGEST_MESSAGE }: { readonly largestFile?: number } = {},
): Promise<WrittenModel> {
  const values = model.weights.reduce((sum, weight) => sum + byteLength(weight), 0);
  // The rest of the file is some hundred bytes a node.
  const rest = toBinary(GraphProtoSchema, model.graph).byteLength + 256 * model.weights.length;
  if (values + rest > largestFile) return writeSplit(model, path);
  let bytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const piece of singleFile(model)) {
      bytes += piece.byteLength;
      yield piece;
    }
  }
  await writeFileAtomic(path, counted());
  return { files: [path], bytes };
}

/** The bytes of a small model. */
export async function encodeWholeModel(model: OnnxModel): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of singleFile(model)) pieces.push(piece);
  return Uint8Array.from(Buffer.concat(pieces));
}
