import { create } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';

/** ONNX element types in use. */
export const ELEMENT = { float32: 1, int64: 7, float16: 10 } as const;

/** Precision in which weights are stored. */
export type Precision = 'float32' | 'float16';

/** A whole number, several, or a number that ONNX declares as float. */
type Attribute = number | readonly number[] | { readonly float: number };

/** Sides of a value; those that are strings stay free. */
export type Dims = readonly (number | string)[];

/** A tensor that is read when the file is written, so that one of them is in memory at a time. */
export interface StoredWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly precision: Precision;
  read(): Promise<Float32Array>;
}

/** A finished graph and the weights that belong into its file. */
export interface OnnxModel {
  /** Nodes, inputs, outputs and small constants. */
  readonly graph: GraphProto;
  readonly weights: readonly StoredWeight[];
}

function attributeProto(name: string, value: Attribute): AttributeProto {
  const types = AttributeProto_AttributeType;
  if (typeof value === 'number') return create(AttributeProtoSchema, { name, type: types.INT, i: BigInt(value) });
  if ('float' in value) return create(AttributeProtoSchema, { name, type: types.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: types.INTS, ints: value.map((item) => BigInt(item)) });
}

function valueInfo(name: string, dims: Dims): ValueInfoProto {
  const dim = dims.map((side) =>
    create(TensorShapeProto_DimensionSchema, {
      value: typeof side === 'number' ? { case: 'dimValue', value: BigInt(side) } : { case: 'dimParam', value: side },
    }),
  );
  const shape = create(TensorShapeProtoSchema, { dim });
  const tensor = create(TypeProto_TensorSchema, { elemType: ELEMENT.float32, shape });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } }),
  });
}

/** An ONNX graph under construction. Values are known by name. */
export class OnnxGraph {
  readonly #nodes: NodeProto[] = [];
  readonly #constants = new Map<string, TensorProto>();
  readonly #weights: StoredWeight[] = [];

  #constant(name: string, dataType: number, dims: readonly number[], data: Float32Array | BigInt64Array): string {
    if (!this.#constants.has(name)) {
      const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
      const shape = dims.map((side) => BigInt(side));
      this.#constants.set(name, create(TensorProtoSchema, { name, dataType, dims: shape, rawData }));
    }
    return name;
  }

  /**
   * A tensor that is read when the file is written, C order over `shape`. In half precision a cast follows it: storage is
   * halved, the arithmetic stays in float32.
   */
  weight(weight: StoredWeight): string {
    this.#weights.push(weight);
    return weight.precision === 'float32' ? weight.name : this.node('Cast', [weight.name], { to: ELEMENT.float32 });
  }

  /** A small float32 tensor. */
  floats(name: string, data: Float32Array, shape: readonly number[]): string {
    return this.#constant(name, ELEMENT.float32, shape, data);
  }

  /** A float32 scalar. */
  float(value: number): string {
    return this.floats(`constant.float.${value}`, Float32Array.of(value), []);
  }

  /** An int64 vector, for shapes and axes, or a scalar. */
  int64(value: number | readonly number[]): string {
    const items = typeof value === 'number' ? [value] : value;
    const name = `constant.${typeof value === 'number' ? 'scalar' : 'vector'}.${items.join('.')}`;
    const dims = typeof value === 'number' ? [] : [items.length];
    return this.#constant(
      name,
      ELEMENT.int64,
      dims,
      BigInt64Array.from(items, (item) => BigInt(item)),
    );
  }

  /** Adds a node with one output and returns the name of the output. */
  node(opType: string, input: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    return this.nodes(opType, input, 1, attributes)[0]!;
  }

  /** Adds a node with several outputs. */
  nodes(
    opType: string,
    input: readonly string[],
    count: number,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): readonly string[] {
    const name = `${opType}.${this.#nodes.length}`;
    const output = Array.from({ length: count }, (_, index) => `${name}.${index}`);
    const attribute = Object.entries(attributes).map(([key, value]) => attributeProto(key, value));
    this.#nodes.push(create(NodeProtoSchema, { name, opType, input: [...input], output, attribute }));
    return output;
  }

  /** Gives a value the name of a graph output. */
  alias(value: string, name: string): void {
    this.#nodes.push(create(NodeProtoSchema, { name, opType: 'Identity', input: [value], output: [name] }));
  }

  /** The model. Inputs and outputs are float32. */
  finish(name: string, inputs: Readonly<Record<string, Dims>>, outputs: Readonly<Record<string, Dims>>): OnnxModel {
    const infos = (values: typeof inputs) => Object.entries(values).map(([key, dims]) => valueInfo(key, dims));
    const graph = create(GraphProtoSchema, {
      name,
      node: this.#nodes,
      initializer: [...this.#constants.values()],
      input: infos(inputs),
      output: infos(outputs),
    });
    return { graph, weights: this.#weights };
  }
}
