import { fromBinary } from '@bufbuild/protobuf';
import { type GraphProto, type ModelProto, ModelProtoSchema, type TensorProto, type ValueInfoProto } from 'onnx-buf';
import { checkDigest, digestIn } from '../export/digest.js';
import { FORMAT, KEY } from '../export/metadata.js';
import type { HostBuffer } from '../graph/ir.js';
import { identityLayout, layoutKey } from '../lowering/layout.js';
import { createOnnxRuntimeError, messageOf } from '../session/errors.js';

/** Side of an input or output: a number, or undefined where it is free. */
export type FileSide = number | undefined;

/** What a network file holds, checked. */
export interface ModelFile {
  readonly bytes: Uint8Array;
  readonly graph: GraphProto;
  readonly metadata: Readonly<Record<string, string>>;
  readonly inputName: string;
  readonly outputName: string;
  /** [batch, channels, depth, height, width] */
  readonly inputSides: readonly FileSide[];
  readonly channels: number;
  /** Undefined where a foreign file leaves it free. */
  readonly classes: FileSide;
  /** Written by this package: its operations are known. */
  readonly own: boolean;
  /** sha256 that the file carries of itself; undefined where it carries none. */
  readonly digest: string | undefined;
  /** Spatial sizes must be multiples of these. */
  readonly multiple: readonly number[];
  /** A float32 constant of the graph; the same object at every call. */
  constant(name: string): HostBuffer | undefined;
}

/** A protobuf message has a 32-bit length. */
const LARGEST = 2 ** 31 - 1;
const FLOAT = 1;
const EXTERNAL = 1;
const CURE =
  "Give a file that 'dinomix export' wrote, or an ONNX network from [batch, channels, depth, height, width] float32 to logits of the same form.";

function refused(why: string, cause?: unknown): Error {
  return createOnnxRuntimeError('DMX_ENGINE_NETWORK', `this is not a usable network: ${why}`, CURE, cause);
}

/** @throws `DMX_ENGINE_NETWORK` saying what was expected and found. */
export function readModelFile(bytes: Uint8Array): ModelFile {
  const model = parse(bytes);
  const graph = model.graph;
  if (!graph || graph.node.length === 0)
    throw refused(`expected an ONNX graph, found none in ${bytes.byteLength} bytes`);
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  for (const tensor of graph.initializer) assertStored(tensor);
  const inputs = graph.input.filter(({ name }) => !constants.has(name));
  const [input, output] = [inputs[0], graph.output[0]];
  if (inputs.length !== 1 || !input)
    throw refused(`expected one input, found ${inputs.length} (${inputs.map(({ name }) => name).join(', ')})`);
  if (graph.output.length !== 1 || !output)
    throw refused(
      `expected one output, found ${graph.output.length} (${graph.output.map(({ name }) => name).join(', ')})`,
    );
  const inputSides = sidesOf(input, 'input');
  const outputSides = sidesOf(output, 'output');
  const channels = inputSides[1];
  if (channels === undefined)
    throw refused(`expected a fixed number of channels, found a free one in ${describe(input)}`);
  const metadata = Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]));
  const own = isOwn(metadata);
  assertAsWritten(bytes, own);
  if (own && outputSides[1] === undefined)
    throw refused(`expected a fixed number of classes, found a free one in ${describe(output)}`);
  const buffers = new Map<string, HostBuffer>();
  return {
    bytes,
    graph,
    metadata,
    inputName: input.name,
    outputName: output.name,
    inputSides,
    channels,
    classes: outputSides[1],
    own,
    digest: digestIn(bytes),
    multiple: own ? multipleOf(metadata) : [1, 1, 1],
    constant(name) {
      const known = buffers.get(name);
      const tensor = constants.get(name);
      if (known || tensor?.dataType !== FLOAT) return known;
      const buffer = bufferOf(tensor);
      buffers.set(name, buffer);
      return buffer;
    },
  };
}

function parse(bytes: Uint8Array): ModelProto {
  if (bytes.byteLength === 0) throw refused('expected an ONNX file, found no bytes');
  if (bytes.byteLength > LARGEST) throw refused(`expected at most ${LARGEST} bytes, found ${bytes.byteLength}`);
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw refused(
      `expected an ONNX file, found ${bytes.byteLength} bytes beginning ${beginning(bytes)} (${messageOf(cause)})`,
      cause,
    );
  }
}

/** The first bytes as text where they are text, else in hexadecimal. */
function beginning(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, 16));
  const text = start.toString('latin1');
  return /^[\x20-\x7e]+$/.test(text) ? JSON.stringify(text) : start.toString('hex');
}

function assertStored({ name, dataLocation, externalData }: TensorProto): void {
  if (dataLocation !== EXTERNAL) return;
  const place = externalData.find(({ key }) => key === 'location')?.value ?? 'another file';
  throw refused(`expected all weights inside the file, found "${name}" stored in ${place}`);
}

function sidesOf(port: ValueInfoProto, kind: 'input' | 'output'): FileSide[] {
  const type = port.type?.value;
  const tensor = type?.case === 'tensorType' ? type.value : undefined;
  const sides = tensor?.shape?.dim.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : undefined));
  if (tensor?.elemType !== FLOAT || sides?.length !== 5) {
    throw refused(`expected a float32 ${kind} [batch, channels, depth, height, width], found ${describe(port)}`);
  }
  return sides;
}

function describe({ name, type }: ValueInfoProto): string {
  if (type?.value.case !== 'tensorType') return `"${name}", which is no tensor`;
  const { elemType, shape } = type.value.value;
  const sides = shape?.dim.map(({ value }) => String(value.value ?? '?')) ?? ['unknown'];
  return `"${name}" of element type ${elemType} and shape [${sides.join(', ')}]`;
}

function isOwn(metadata: Readonly<Record<string, string>>): boolean {
  const format = metadata[KEY.format];
  if (format !== undefined && format !== FORMAT) {
    throw refused(`expected format ${FORMAT}, found format ${format}, written by another version of this package`);
  }
  return format !== undefined;
}

/** Files of this package are believed only with their digest; others may carry none. */
function assertAsWritten(bytes: Uint8Array, own: boolean): void {
  const digest = checkDigest(bytes);
  if (digest === 'damaged')
    throw refused('its weights, graph or metadata are not those that were written: its sha256 differs');
  if (own && digest === 'none')
    throw refused('it was written by this package and has lost its digest: it was cut or changed');
}

function multipleOf(metadata: Readonly<Record<string, string>>): number[] {
  const sides = (metadata[KEY.multiple] ?? '').split(',').map(Number);
  const valid = sides.length === 3 && sides.every((side) => Number.isInteger(side) && side > 0);
  if (!valid)
    throw refused(`expected three whole numbers in the metadata "${KEY.multiple}", found "${metadata[KEY.multiple]}"`);
  return sides;
}

function bufferOf({ name, dims, rawData, floatData }: TensorProto): HostBuffer {
  const sides = dims.map(Number);
  const size = sides.reduce((a, b) => a * b, 1);
  const stored = rawData?.byteLength ? rawData : undefined;
  const count = stored ? stored.byteLength / 4 : floatData.length;
  if (count !== size)
    throw refused(`expected ${size} numbers in the weight "${name}" of shape [${sides}], found ${count}`);
  return {
    // A copy at each use: the bytes inside the file need not be aligned to four, and what is kept is derived from them.
    get data() {
      return stored ? new Float32Array(new Uint8Array(stored).buffer) : Float32Array.from(floatData);
    },
    layout: layoutKey(identityLayout(sides.length)),
    dims: sides,
  };
}
