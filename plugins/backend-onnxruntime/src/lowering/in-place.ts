/**
 * Which values ONNX Runtime may compute in the memory of an operand. Its planner does so only where both shapes are known
 * to be equal, and the emitter hides shapes from it (`Emitter.reshape`). A pair gets sides under a name of its own, which
 * are equal to no others: nothing else is kept for it.
 */
import { create } from '@bufbuild/protobuf';
import {
  type NodeProto,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';
import type { Emitted } from './emitter.js';

/** Operands whose memory a kernel may take, in the order in which the planner tries them. */
const OPERANDS: Readonly<Record<string, readonly number[]>> = { Add: [0, 1], Sub: [0, 1], Mul: [0, 1], Div: [0, 1] };
/** The summand of ONNX Runtime's blocked convolution, which is copied on one thread where it is not the output. */
const SUMMAND: readonly number[] = [3];
/** Elements below which a value's memory does not matter. */
const LARGE = 16_384;
const FLOAT = 1;

function operandsOf(node: NodeProto): readonly number[] {
  if (node.opType === 'Conv') return node.domain === '' ? [] : SUMMAND;
  return OPERANDS[node.opType] ?? [];
}

/** Declares the values that take an operand's memory, with that operand: equal sides that no other value has. */
export function declareInPlace(
  nodes: readonly NodeProto[],
  computed: ReadonlyMap<string, Emitted>,
  outputs: ReadonlySet<string>,
): ValueInfoProto[] {
  const uses = new Map<string, number>();
  for (const node of nodes) for (const name of node.input) uses.set(name, (uses.get(name) ?? 0) + 1);
  const names = new Map<string, string>();
  for (const node of nodes) {
    const result = computed.get(node.output[0]!);
    if (!result || outputs.has(result.name) || !isLarge(result)) continue;
    for (const index of operandsOf(node)) {
      const operand = computed.get(node.input[index] ?? '');
      if (!operand || uses.get(operand.name) !== 1 || operand.shape.join() !== result.shape.join()) continue;
      const name = names.get(operand.name) ?? operand.name;
      names.set(operand.name, name).set(result.name, name);
      break;
    }
  }
  return [...names].map(([value, name]) => declare(computed.get(value)!, name));
}

function isLarge({ shape, dtype }: Emitted): boolean {
  return dtype === 'float32' && shape.reduce((a, b) => a * b, 1) >= LARGE;
}

function declare({ name, shape }: Emitted, sides: string): ValueInfoProto {
  const dim = shape.map((_, axis) =>
    create(TensorShapeProto_DimensionSchema, { value: { case: 'dimParam', value: `${sides}.${axis}` } }),
  );
  const tensor = create(TypeProto_TensorSchema, { elemType: FLOAT, shape: create(TensorShapeProtoSchema, { dim }) });
  const type = create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } });
  return create(ValueInfoProtoSchema, { name, type });
}
