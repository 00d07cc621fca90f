import type { AttributeProto, NodeProto } from 'onnx-buf';
import { type Trace, traceOf } from '../export/trace.js';
import { broadcastShapes } from '../graph/broadcast.js';
import { type Attributes, createLeaf, createNode, type HostBuffer, type OutputSpec, type Value } from '../graph/ir.js';
import { product } from '../lowering/conv-geometry.js';
import { denseLayout, identityLayout, layoutKey } from '../lowering/layout.js';
import type { ModelFile } from './model-file.js';

/** A value of the file: a recorded one (channel last), or a step of a group normalisation, which the file writes in parts. */
type Imported =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'shape'; readonly of: Value }
  | { readonly kind: 'groups'; readonly of: Value; readonly groups: number }
  | { readonly kind: 'normal'; readonly of: Value; readonly groups: number; readonly epsilon: number };

/** Thrown where the file goes beyond what is known: it then runs as it is. */
class Unknown extends Error {}

/**
 * The graph of a file that this package wrote, for one image size, as recorded operations.
 * @returns undefined where it holds an operation that is not known here
 */
export function importGraph(file: ModelFile, size: readonly number[]): Trace | undefined {
  const input = createNode('Placeholder', [], {}, [{ shape: [1, ...size, file.channels], dtype: 'float32' }])
    .outputs[0]!;
  const reader = new Reader(file, input);
  try {
    for (const node of file.graph.node) reader.read(node);
    return traceOf(input, reader.value(file.outputName));
  } catch (cause) {
    if (cause instanceof Unknown) return undefined;
    throw cause;
  }
}

class Reader {
  private readonly file: ModelFile;
  private readonly values = new Map<string, Imported>();

  constructor(file: ModelFile, input: Value) {
    this.file = file;
    this.values.set(file.inputName, { kind: 'value', value: input });
  }

  read(node: NodeProto): void {
    const importer = node.domain === '' ? importers[node.opType] : undefined;
    if (!importer) throw new Unknown();
    this.values.set(node.output[0]!, importer(this, new NodeReader(node)));
  }

  imported(name: string): Imported {
    const known = this.values.get(name);
    if (!known) throw new Unknown();
    return known;
  }

  value(name: string): Value {
    const known = this.imported(name);
    if (known.kind !== 'value') throw new Unknown();
    return known.value;
  }

  constant(name: string): HostBuffer {
    const buffer = this.file.constant(name);
    if (!buffer) throw new Unknown();
    return buffer;
  }

  isConstant(name: string): boolean {
    return this.file.constant(name) !== undefined;
  }

  /** The numbers of an int64 constant. */
  numbers(name: string): number[] {
    const tensor = this.file.graph.initializer.find((item) => item.name === name);
    if (!tensor?.rawData || tensor.dataType !== 7) throw new Unknown();
    return [...new BigInt64Array(new Uint8Array(tensor.rawData).buffer)].map(Number);
  }
}

/** Attributes of one node, by type. */
class NodeReader {
  readonly input: readonly string[];
  readonly opType: string;
  private readonly attributes: ReadonlyMap<string, AttributeProto>;

  constructor(node: NodeProto) {
    this.input = node.input;
    this.opType = node.opType;
    this.attributes = new Map(node.attribute.map((attribute) => [attribute.name, attribute]));
  }

  numbers(name: string, missing: readonly number[]): readonly number[] {
    return this.attributes.get(name)?.ints.map(Number) ?? missing;
  }

  number(name: string, missing: number): number {
    const attribute = this.attributes.get(name);
    return attribute ? Number(attribute.i) : missing;
  }

  float(name: string, missing: number): number {
    return this.attributes.get(name)?.f ?? missing;
  }

  has(name: string): boolean {
    return this.attributes.has(name);
  }
}

type Importer = (reader: Reader, node: NodeReader) => Imported;

function made(
  op: string,
  inputs: readonly Value[],
  attributes: Attributes,
  shape: readonly number[],
  more: readonly OutputSpec[] = [],
): Imported {
  const outputs = [{ shape, dtype: 'float32' as const }, ...more];
  return { kind: 'value', value: createNode(op, inputs, attributes, outputs).outputs[0]! };
}

const KERNEL = 3;
const ones = [1, 1, 1];
const zeros = [0, 0, 0, 0, 0, 0];

interface FileWindows {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padBefore: readonly number[];
  readonly padAfter: readonly number[];
}

function windowsOf(node: NodeReader): FileWindows {
  if (node.has('auto_pad') || node.number('group', 1) !== 1 || node.number('ceil_mode', 0) !== 0) throw new Unknown();
  const pads = node.numbers('pads', zeros);
  return {
    kernel: node.numbers('kernel_shape', []),
    strides: node.numbers('strides', ones),
    dilations: node.numbers('dilations', ones),
    padBefore: pads.slice(0, KERNEL),
    padAfter: pads.slice(KERNEL),
  };
}

function outputSide(side: number, axis: number, w: FileWindows): number {
  const reach = (w.kernel[axis]! - 1) * w.dilations[axis]! + 1;
  return Math.floor((side + w.padBefore[axis]! + w.padAfter[axis]! - reach) / w.strides[axis]!) + 1;
}

/** A filter in the file's memory [o, i, kd, kh, kw] as [kd, kh, kw, i, o]. */
function filterOf(reader: Reader, name: string): Value {
  const source = reader.constant(name);
  const { dims } = source;
  const [o, i, ...kernel] = dims as [number, number, ...number[]];
  if (kernel.length !== KERNEL) throw new Unknown();
  const layout = layoutKey(denseLayout([4, 3, 0, 1, 2]));
  return createLeaf([...kernel, i, o], 'float32', held(source, layout, dims));
}

/** Buffers of one constant are one object, so that what is derived from it can be kept with it. */
const relabelled = new WeakMap<HostBuffer, HostBuffer>();

function held(source: HostBuffer, layout: string, dims: readonly number[]): HostBuffer {
  const known = relabelled.get(source);
  if (known) return known;
  const buffer: HostBuffer = {
    get data() {
      return source.data;
    },
    layout,
    dims,
  };
  relabelled.set(source, buffer);
  return buffer;
}

/** One number a channel. */
function vectorOf(reader: Reader, name: string): Value {
  const buffer = reader.constant(name);
  if (buffer.dims.filter((side) => side !== 1).length > 1) throw new Unknown();
  const shape = [product(buffer.dims)];
  return createLeaf(shape, 'float32', held(buffer, layoutKey(identityLayout(1)), shape));
}

const conv: Importer = (reader, node) => {
  const x = reader.value(node.input[0]!);
  const filter = filterOf(reader, node.input[1]!);
  const { kernel: _, ...attributes } = windowsOf(node);
  const sides = x.shape
    .slice(1, -1)
    .map((side, axis) => outputSide(side, axis, { kernel: filter.shape, ...attributes }));
  const bias = node.input[2] ? [vectorOf(reader, node.input[2])] : [];
  return made('Conv', [x, filter, ...bias], { ...attributes }, [x.shape[0]!, ...sides, filter.shape[4]!]);
};

const convTranspose: Importer = (reader, node) => {
  const x = reader.value(node.input[0]!);
  const filter = filterOf(reader, node.input[1]!);
  const { kernel: _, ...attributes } = windowsOf(node);
  if (node.has('output_shape')) throw new Unknown();
  const extra = node.numbers('output_padding', [0, 0, 0]);
  const sides = x.shape.slice(1, -1).map((side, axis) => {
    const reach = (filter.shape[axis]! - 1) * attributes.dilations[axis]! + 1;
    return (
      (side - 1) * attributes.strides[axis]! +
      reach +
      extra[axis]! -
      attributes.padBefore[axis]! -
      attributes.padAfter[axis]!
    );
  });
  const bias = node.input[2] ? [vectorOf(reader, node.input[2])] : [];
  return made('ConvBackpropInput', [x, filter, ...bias], { ...attributes }, [x.shape[0]!, ...sides, filter.shape[3]!]);
};

function pool(kind: 'max' | 'average'): Importer {
  return (reader, node) => {
    const x = reader.value(node.input[0]!);
    if (node.number('count_include_pad', 0) !== 0) throw new Unknown();
    const windows = windowsOf(node);
    const sides = x.shape.slice(1, -1).map((side, axis) => outputSide(side, axis, windows));
    return made('Pool', [x], { kind, ...windows }, [x.shape[0]!, ...sides, x.shape[4]!]);
  };
}

/** Two images of one rank, or an image and one number a channel. */
function binary(op: string): Importer {
  return (reader, node) => {
    const operands = node.input.map((name) => (reader.isConstant(name) ? vectorOf(reader, name) : reader.value(name)));
    const shape = broadcastShapes(operands.map((operand) => operand.shape));
    return made(op, operands, {}, shape);
  };
}

function unary(op: string, attributes: (node: NodeReader) => Attributes = () => ({})): Importer {
  return (reader, node) => {
    const x = reader.value(node.input[0]!);
    return made(op, [x], attributes(node), x.shape);
  };
}

const concat: Importer = (reader, node) => {
  const parts = node.input.map((name) => reader.value(name));
  if (node.number('axis', 0) !== 1) throw new Unknown();
  const channels = parts.reduce((sum, part) => sum + part.shape[4]!, 0);
  return made('Concat', parts, { axis: 4 }, [...parts[0]!.shape.slice(0, 4), channels]);
};

function normalised(x: Value, scale: Value, offset: Value, attributes: Attributes): Imported {
  const statistics = { shape: [x.shape[0]!, x.shape[4]!], dtype: 'float32' as const };
  const more = [{ shape: x.shape, dtype: 'float32' as const }, statistics, statistics, statistics];
  return made('NormActivation', [x, scale, offset], { ...attributes, slope: 1 }, x.shape, more);
}

const instanceNormalization: Importer = (reader, node) => {
  const source = reader.imported(node.input[0]!);
  const epsilon = node.float('epsilon', 1e-5);
  if (source.kind === 'groups') return { ...source, kind: 'normal', epsilon };
  if (source.kind !== 'value') throw new Unknown();
  const [scale, offset] = [vectorOf(reader, node.input[1]!), vectorOf(reader, node.input[2]!)];
  return normalised(source.value, scale, offset, { norm: 'instance', groups: 1, epsilon });
};

const reshape: Importer = (reader, node) => {
  const source = reader.imported(node.input[0]!);
  if (source.kind === 'value') {
    const [batch, groups, rest, ...more] = reader.numbers(node.input[1]!);
    if (batch !== 0 || rest !== -1 || more.length > 0) throw new Unknown();
    return { kind: 'groups', of: source.value, groups: groups! };
  }
  const target = reader.imported(node.input[1]!);
  if (source.kind !== 'normal' || target.kind !== 'shape' || target.of !== source.of) throw new Unknown();
  const channels = source.of.shape[4]!;
  const filled = (value: number) => {
    const data = new Float32Array(channels).fill(value);
    return createLeaf([channels], 'float32', { data, layout: layoutKey(identityLayout(1)), dims: [channels] });
  };
  const { groups, epsilon } = source;
  return normalised(source.of, filled(1), filled(0), { norm: 'group', groups, epsilon });
};

const importers: Readonly<Record<string, Importer>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool('max'),
  AveragePool: pool('average'),
  Add: binary('Add'),
  Sub: binary('Sub'),
  Mul: binary('Multiply'),
  Div: binary('RealDiv'),
  Relu: unary('Relu'),
  LeakyRelu: unary('LeakyRelu', (node) => ({ alpha: node.float('alpha', 0.01) })),
  Sigmoid: unary('Sigmoid'),
  Tanh: unary('Tanh'),
  Concat: concat,
  InstanceNormalization: instanceNormalization,
  Shape: (reader, node) => ({ kind: 'shape', of: reader.value(node.input[0]!) }),
  Reshape: reshape,
};
