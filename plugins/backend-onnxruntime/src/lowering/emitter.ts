import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { writeInPlace } from '../memory/in-place.js';
import { neededNodes, type Program, type ProgramTensor } from '../memory/program.js';
import type { OnnxDType } from './onnx-dtype.js';

export const ELEMENT_TYPE: Record<OnnxDType, number> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
  uint32: 12,
  uint64: 13,
};

/** A tensor of the emitted graph. `shape` is physical: the dimensions that ONNX Runtime sees. */
export interface Emitted {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: OnnxDType;
}

export interface EmitAttributes {
  readonly [name: string]: number | string | readonly number[] | FloatAttribute | undefined;
}

/** Marks an attribute that ONNX declares as float, which a JavaScript number alone does not say. */
export interface FloatAttribute {
  readonly float: number | readonly number[];
}

export interface EmitOutput {
  readonly shape: readonly number[];
  readonly dtype: OnnxDType;
}

const NCHWC_DOMAIN = 'com.microsoft.nchwc';
export const MICROSOFT_DOMAIN = 'com.microsoft';

export function attributeProto(name: string, value: NonNullable<EmitAttributes[string]>): AttributeProto {
  const T = AttributeProto_AttributeType;
  if (typeof value === 'number') return create(AttributeProtoSchema, { name, type: T.INT, i: BigInt(value) });
  if (typeof value === 'string') {
    return create(AttributeProtoSchema, { name, type: T.STRING, s: new TextEncoder().encode(value) });
  }
  if ('float' in value) {
    return typeof value.float === 'number'
      ? create(AttributeProtoSchema, { name, type: T.FLOAT, f: value.float })
      : create(AttributeProtoSchema, { name, type: T.FLOATS, floats: [...value.float] });
  }
  return create(AttributeProtoSchema, { name, type: T.INTS, ints: value.map((item) => BigInt(item)) });
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((side, axis) => side === b[axis]);
}

const WIDTH: Record<OnnxDType, number> = {
  float32: 4,
  float64: 8,
  int32: 4,
  int64: 8,
  bool: 1,
  uint8: 1,
  uint32: 4,
  uint64: 8,
};

function bytesOfTensor(shape: readonly number[], dtype: OnnxDType): number {
  return shape.reduce((product, side) => product * side, WIDTH[dtype]);
}

/** @param symbol - stands for the first side, which is then not known before a run */
function valueInfo(name: string, shape: readonly number[], dtype: OnnxDType, symbol?: string): ValueInfoProto {
  const dim = shape.map((side, axis) =>
    create(TensorShapeProto_DimensionSchema, {
      value:
        axis === 0 && symbol !== undefined
          ? { case: 'dimParam', value: symbol }
          : { case: 'dimValue', value: BigInt(side) },
    }),
  );
  const tensor = create(TypeProto_TensorSchema, {
    elemType: ELEMENT_TYPE[dtype],
    shape: create(TensorShapeProtoSchema, { dim }),
  });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } }),
  });
}

/** Collects ONNX nodes; equal nodes on equal inputs are emitted once (common subexpressions). */
export class Emitter {
  private readonly nodes: NodeProto[] = [];
  private readonly initializers: TensorProto[] = [];
  private readonly inputs: ValueInfoProto[] = [];
  private readonly outputs: ValueInfoProto[] = [];
  private readonly seen = new Map<string, readonly Emitted[]>();
  /** What each emitted reshape was made from. */
  private readonly reshaped = new Map<string, Emitted>();
  private readonly tensors = new Map<string, ProgramTensor>();
  /** Initialisers that are graph inputs too. */
  private readonly shapes = new Set<string>();
  private counter = 0;
  /** A label for the nodes emitted next: the operation that they come from. */
  label = '';

  get nodeCount(): number {
    return this.nodes.length;
  }

  input(name: string, shape: readonly number[], dtype: OnnxDType): Emitted {
    this.inputs.push(valueInfo(name, shape, dtype));
    return { name, shape, dtype };
  }

  /**
   * Declares a value as graph output and returns the name to fetch it by. A value that a node computes is fetched as it
   * is; an input, a constant or a value that is already an output needs a copy under a name of its own.
   */
  output(value: Emitted, fallbackName: string): string {
    const computed = value.name.startsWith('v') && !this.outputs.some(({ name }) => name === value.name);
    const name = computed ? value.name : fallbackName;
    if (!computed) {
      this.nodes.push(create(NodeProtoSchema, { opType: 'Identity', input: [value.name], output: [name], name }));
    }
    this.outputs.push(create(ValueInfoProtoSchema, { name }));
    return name;
  }

  constant(
    data: Float32Array | Float64Array | Int32Array | BigInt64Array | BigUint64Array | Uint8Array,
    shape: readonly number[],
    dtype: OnnxDType,
  ): Emitted {
    const raw = bytesOf(data);
    const key = `const|${dtype}|${shape.join(',')}|${Buffer.from(raw).toString('base64')}`;
    const known = this.seen.get(key);
    if (known) return known[0]!;
    const name = `c${this.counter++}`;
    const dims = shape.map((side) => BigInt(side));
    this.initializers.push(
      create(TensorProtoSchema, { name, dataType: ELEMENT_TYPE[dtype], dims, rawData: new Uint8Array(raw) }),
    );
    const value: Emitted = { name, shape, dtype };
    this.seen.set(key, [value]);
    return value;
  }

  /** A 1-D int64 constant: axes, shapes, pads. */
  int64(items: readonly number[]): Emitted {
    return this.constant(
      BigInt64Array.from(items, (item) => BigInt(item)),
      [items.length],
      'int64',
    );
  }

  float(value: number, shape: readonly number[] = []): Emitted {
    return this.constant(new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value), shape, 'float32');
  }

  scalar(value: number, dtype: OnnxDType): Emitted {
    if (dtype === 'float32') return this.float(value);
    if (dtype === 'float64') return this.constant(Float64Array.of(value), [], dtype);
    if (dtype === 'int64') return this.constant(BigInt64Array.of(BigInt(value)), [], dtype);
    if (dtype === 'uint64') return this.constant(BigUint64Array.of(BigInt(value)), [], dtype);
    if (dtype === 'int32') return this.constant(Int32Array.of(value), [], dtype);
    if (dtype === 'uint32') return this.constant(Int32Array.of(value | 0), [], dtype);
    return this.constant(Uint8Array.of(value), [], dtype);
  }

  /** Emits one node with several outputs. `undefined` inputs are ONNX's omitted optional inputs. */
  nodeOutputs(
    opType: string,
    inputs: readonly (Emitted | undefined)[],
    attributes: EmitAttributes,
    outputs: readonly EmitOutput[],
    domain = '',
  ): readonly Emitted[] {
    const input = inputs.map((value) => value?.name ?? '');
    while (input.length > 0 && input[input.length - 1] === '') input.pop();
    const shapes = outputs.map((out) => `${out.dtype}[${out.shape.join(',')}]`).join(';');
    const key = `${domain}:${opType}|${input.join(',')}|${JSON.stringify(attributes)}|${shapes}`;
    const known = this.seen.get(key);
    if (known) return known;
    const result = outputs.map((out) => ({ name: `v${this.counter++}`, shape: out.shape, dtype: out.dtype }));
    const attribute = Object.entries(attributes).flatMap(([name, value]) =>
      value === undefined ? [] : [attributeProto(name, value)],
    );
    const name = `${this.label || opType}#${this.nodes.length}`;
    this.nodes.push(
      create(NodeProtoSchema, { opType, input, output: result.map((value) => value.name), attribute, domain, name }),
    );
    this.seen.set(key, result);
    for (const { name: value, shape, dtype } of result)
      this.tensors.set(value, { shape, dtype, bytes: bytesOfTensor(shape, dtype) });
    return result;
  }

  node(
    opType: string,
    inputs: readonly (Emitted | undefined)[],
    attributes: EmitAttributes,
    shape: readonly number[],
    dtype: OnnxDType = 'float32',
    domain = '',
  ): Emitted {
    return this.nodeOutputs(opType, inputs, attributes, [{ shape, dtype }], domain)[0]!;
  }

  /** ONNX Runtime's internal channel-blocked operators. */
  blocked(
    opType: string,
    inputs: readonly (Emitted | undefined)[],
    attributes: EmitAttributes,
    shape: readonly number[],
  ): Emitted {
    return this.node(opType, inputs, attributes, shape, 'float32', NCHWC_DOMAIN);
  }

  reshape(value: Emitted, shape: readonly number[]): Emitted {
    if (sameShape(value.shape, shape)) return value;
    // A reshape of a reshape is one reshape of the first tensor; back to its own shape it is nothing.
    const source = this.reshaped.get(value.name) ?? value;
    if (sameShape(source.shape, shape)) return source;
    const result = this.node('Reshape', [source, this.shapeOperand(shape)], {}, shape, value.dtype);
    this.reshaped.set(result.name, source);
    return result;
  }

  /**
   * The shape operand of a reshape as an initialiser that is a graph input too: nothing has to be fed, but shape
   * inference may not read it. Where shapes are known, ONNX Runtime's planner keeps a dead buffer for the next value of
   * the same shape, however many nodes later; where they are not, it is given back (README, Memory).
   */
  private shapeOperand(shape: readonly number[]): Emitted {
    const key = `shape|${shape.join(',')}`;
    const known = this.seen.get(key);
    if (known) return known[0]!;
    const name = `s${this.counter++}`;
    const rawData = new Uint8Array(BigInt64Array.from(shape, (side) => BigInt(side)).buffer);
    const dims = [BigInt(shape.length)];
    this.initializers.push(create(TensorProtoSchema, { name, dataType: ELEMENT_TYPE.int64, dims, rawData }));
    // With the length hidden too not even the rank is known: its planner compares every value of known rank with every
    // buffer that is free, so that loading takes a time that grows with the square of the nodes.
    this.inputs.push(valueInfo(name, [shape.length], 'int64', name));
    const operand: Emitted = { name, shape: [shape.length], dtype: 'int64' };
    this.shapes.add(name);
    this.seen.set(key, [operand]);
    return operand;
  }

  transpose(value: Emitted, perm: readonly number[]): Emitted {
    if (perm.every((axis, index) => axis === index)) return value;
    const shape = perm.map((axis) => value.shape[axis]!);
    // A transpose that only moves sides of length one is a reshape.
    const moving = perm.filter((axis) => value.shape[axis] !== 1);
    if (moving.every((axis, index) => index === 0 || moving[index - 1]! < axis)) return this.reshape(value, shape);
    return this.node('Transpose', [value], { perm }, shape, value.dtype);
  }

  cast(value: Emitted, dtype: OnnxDType): Emitted {
    if (value.dtype === dtype) return value;
    return this.node('Cast', [value], { to: ELEMENT_TYPE[dtype] }, value.shape, dtype);
  }

  /** What was emitted and is needed, with the bytes of every value that a node makes. */
  program(): Program {
    const outputs = new Set(this.outputs.map(({ name }) => name));
    return { nodes: neededNodes(this.nodes, outputs), tensors: this.tensors, outputs };
  }

  isInput(name: string): boolean {
    return this.inputs.some((input) => input.name === name) && !this.shapes.has(name);
  }

  /** Values that nodes of this emitter read which are not among these. */
  private madeElsewhere(nodes: readonly NodeProto[], needed: ReadonlySet<string>): ValueInfoProto[] {
    const made = new Set(nodes.flatMap(({ output }) => output));
    const missing = [...needed].filter((name) => this.tensors.has(name) && !made.has(name));
    return missing.map((name) => {
      const { shape, dtype } = this.tensors.get(name)!;
      return valueInfo(name, shape, dtype);
    });
  }

  /** The serialised model of a program made from this emitter's. */
  build(program: Program = this.program()): Uint8Array {
    const { nodes, declared } = writeInPlace(program, (shape) => this.shapeOperand(shape).name);
    const needed = new Set(nodes.flatMap(({ input }) => input));
    const keeps = ({ name }: ValueInfoProto) => needed.has(name) || !(program.isPart || this.shapes.has(name));
    const graph = create(GraphProtoSchema, {
      name: 'dinomix',
      node: [...nodes],
      initializer: this.initializers.filter(({ name }) => needed.has(name)),
      input: [...this.inputs.filter(keeps), ...this.madeElsewhere(nodes, needed)],
      output: [...program.outputs].map((name) => create(ValueInfoProtoSchema, { name })),
      valueInfo: [...declared].map(([name, { shape, dtype, symbol }]) => valueInfo(name, shape, dtype, symbol)),
    });
    const opsets: [string, bigint][] = [
      ['', 20n],
      [MICROSOFT_DOMAIN, 1n],
      [NCHWC_DOMAIN, 1n],
    ];
    const opsetImport = opsets.map(([domain, version]) => create(OperatorSetIdProtoSchema, { domain, version }));
    return toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, { irVersion: 9n, producerName: 'dinomix', graph, opsetImport }),
    );
  }
}
