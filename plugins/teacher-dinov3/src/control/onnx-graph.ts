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

/** ONNX element types in use. */
const FLOAT = 1;
const INT64 = 7;

/** A whole number, several, or a number that ONNX declares as float. */
type Attribute = number | readonly number[] | { readonly float: number };

function attributeProto(name: string, value: Attribute): AttributeProto {
  const types = AttributeProto_AttributeType;
  if (typeof value === 'number') return create(AttributeProtoSchema, { name, type: types.INT, i: BigInt(value) });
  if ('float' in value) return create(AttributeProtoSchema, { name, type: types.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: types.INTS, ints: value.map((item) => BigInt(item)) });
}

function valueInfo(name: string, dims: readonly (number | string)[]): ValueInfoProto {
  const dim = dims.map((side) =>
    create(TensorShapeProto_DimensionSchema, {
      value: typeof side === 'number' ? { case: 'dimValue', value: BigInt(side) } : { case: 'dimParam', value: side },
    }),
  );
  const tensor = create(TypeProto_TensorSchema, { elemType: FLOAT, shape: create(TensorShapeProtoSchema, { dim }) });
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } }),
  });
}

/** An ONNX graph under construction. Values are known by name. */
export class OnnxGraph {
  readonly #nodes: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #constants = new Map<string, string>();

  #initializer(name: string, dataType: number, dims: readonly number[], data: Float32Array | BigInt64Array): string {
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
    const shape = dims.map((side) => BigInt(side));
    this.#initializers.push(create(TensorProtoSchema, { name, dataType, dims: shape, rawData }));
    return name;
  }

  /** A float32 tensor stored in the graph under this name. */
  weight(name: string, data: Float32Array, shape: readonly number[]): string {
    return this.#initializer(name, FLOAT, shape, data);
  }

  /** A float32 scalar. */
  float(value: number): string {
    const known = this.#constants.get(`float ${value}`);
    const name = known ?? this.weight(`constant.float.${value}`, Float32Array.of(value), []);
    this.#constants.set(`float ${value}`, name);
    return name;
  }

  /** An int64 vector, for shapes and axes, or a scalar. */
  int64(value: number | readonly number[]): string {
    const items = typeof value === 'number' ? [value] : value;
    const key = `${typeof value === 'number' ? 'scalar' : 'vector'}.${items.join('.')}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const dims = typeof value === 'number' ? [] : [items.length];
    const data = BigInt64Array.from(items, (item) => BigInt(item));
    const name = this.#initializer(`constant.${key}`, INT64, dims, data);
    this.#constants.set(key, name);
    return name;
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

  /** The bytes of the model. Sides that are strings stay free. */
  finish(
    name: string,
    inputs: Readonly<Record<string, readonly (number | string)[]>>,
    outputs: Readonly<Record<string, readonly (number | string)[]>>,
  ): Uint8Array {
    const infos = (values: typeof inputs) => Object.entries(values).map(([key, dims]) => valueInfo(key, dims));
    const graph = create(GraphProtoSchema, {
      name,
      node: this.#nodes,
      initializer: this.#initializers,
      input: infos(inputs),
      output: infos(outputs),
    });
    const opsetImport = [create(OperatorSetIdProtoSchema, { domain: '', version: 20n })];
    return toBinary(
      ModelProtoSchema,
      create(ModelProtoSchema, { irVersion: 9n, opsetImport, producerName: 'dinomix', graph }),
    );
  }
}
