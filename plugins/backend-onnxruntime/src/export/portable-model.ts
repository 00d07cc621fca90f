import { create, toBinary } from '@bufbuild/protobuf';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import { attributeProto, ELEMENT_TYPE, type EmitAttributes } from '../lowering/emitter.js';
import type { OnnxDType } from '../lowering/onnx-dtype.js';

/** Operator set of the written files: ONNX 1.13 (2022), so that older runtimes read them too. */
const OPSET = 18n;
const IR_VERSION = 8n;

/** One input or output: a side is a number, or the name of a free one. */
export interface Port {
  readonly name: string;
  readonly sides: readonly (number | string)[];
}

export interface ModelDescription {
  readonly input: Port;
  readonly output: Port;
  readonly documentation: string;
  readonly producerVersion: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A graph of standard ONNX operations, in the default domain alone. */
export class PortableModel {
  private readonly nodes: NodeProto[] = [];
  private readonly initializers = new Map<string, TensorProto>();
  private readonly counts = new Map<string, number>();

  /** Adds a node and returns the name of its first output. */
  node(opType: string, inputs: readonly string[], attributes: EmitAttributes = {}): string {
    const name = this.unique(opType);
    const attribute = Object.entries(attributes).flatMap(([key, value]) =>
      value === undefined ? [] : [attributeProto(key, value)],
    );
    this.nodes.push(create(NodeProtoSchema, { opType, input: [...inputs], output: [name], attribute, name }));
    return name;
  }

  /** Adds a constant and returns its name, which begins with `label`. */
  constant(
    label: string,
    data: Float32Array | Int32Array | BigInt64Array | Uint8Array,
    dims: readonly number[],
    dtype: OnnxDType,
  ): string {
    const name = this.unique(label);
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const sides = dims.map((side) => BigInt(side));
    this.initializers.set(
      name,
      create(TensorProtoSchema, { name, dataType: ELEMENT_TYPE[dtype], dims: sides, rawData: new Uint8Array(rawData) }),
    );
    return name;
  }

  int64(label: string, items: readonly (number | bigint)[]): string {
    return this.constant(label, BigInt64Array.from(items, BigInt), [items.length], 'int64');
  }

  private unique(label: string): string {
    const count = (this.counts.get(label) ?? 0) + 1;
    this.counts.set(label, count);
    return `${label}_${count}`;
  }

  /** True when both models compute the same, whatever the sizes they were recorded for. */
  equals(other: PortableModel): boolean {
    const text = (model: PortableModel) =>
      JSON.stringify([model.nodes, [...model.initializers.keys()]], (key, value) =>
        typeof value === 'bigint' ? `${value}` : key === '$unknown' ? undefined : value,
      );
    if (text(this) !== text(other)) return false;
    return [...this.initializers].every(([name, tensor]) => {
      const twin = other.initializers.get(name)!;
      return tensor.dims.join() === twin.dims.join() && Buffer.compare(tensor.rawData!, twin.rawData!) === 0;
    });
  }

  /** The serialised model. `result` is the value that becomes the output. */
  build(result: string, description: ModelDescription): Uint8Array {
    const output = description.output.name;
    const node = this.nodes.map((item) => ({
      ...item,
      input: item.input.map((name) => (name === result ? output : name)),
      output: item.output.map((name) => (name === result ? output : name)),
    }));
    const graph = create(GraphProtoSchema, {
      name: 'student',
      node,
      initializer: [...this.initializers.values()],
      input: [portOf(description.input)],
      output: [portOf(description.output)],
    });
    const model = create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: 'dinomix',
      producerVersion: description.producerVersion,
      docString: description.documentation,
      graph,
      opsetImport: [create(OperatorSetIdProtoSchema, { domain: '', version: OPSET })],
      metadataProps: Object.entries(description.metadata).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value }),
      ),
    });
    return toBinary(ModelProtoSchema, model);
  }
}

function portOf({ name, sides }: Port): ValueInfoProto {
  const dim = sides.map((side) =>
    create(TensorShapeProto_DimensionSchema, {
      value: typeof side === 'number' ? { case: 'dimValue', value: BigInt(side) } : { case: 'dimParam', value: side },
    }),
  );
  const shape = create(TensorShapeProtoSchema, { dim });
  const tensor = create(TypeProto_TensorSchema, { elemType: ELEMENT_TYPE.float32, shape });
  const type = create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } });
  return create(ValueInfoProtoSchema, { name, type });
}
