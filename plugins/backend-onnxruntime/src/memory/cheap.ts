import type { NodeProto } from 'onnx-buf';

/** Operations that take about as long as reading and writing their tensors. */
const LIGHT = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Neg', 'Exp', 'Log', 'Sqrt', 'Clip', 'Relu', 'LeakyRelu', 'Max', 'Min', 'Where'],
  ...['Cast', 'Equal', 'Greater', 'Less', 'IsNaN', 'Not', 'Expand', 'Transpose', 'Gather', 'Concat', 'Slice', 'Pad'],
  ...['ReorderInput', 'ReorderOutput'],
]);

function numbersOf({ attribute }: NodeProto, name: string): readonly number[] {
  return attribute.find((candidate) => candidate.name === name)?.ints.map(Number) ?? [];
}

/** A convolution that only scales channels: one tap, as many groups as channels. */
function isAffine(node: NodeProto): boolean {
  const groups = node.attribute.find(({ name }) => name === 'group')?.i ?? 1n;
  return node.opType === 'Conv' && groups > 1n && numbersOf(node, 'kernel_shape').every((side) => side === 1);
}

/** A transform along depth: a small constant matrix times planes. */
function isTransform(node: NodeProto, isConstant: (name: string) => boolean): boolean {
  return node.opType === 'MatMul' && isConstant(node.input[0]!);
}

/** Whether a node's result costs little more to compute again than to read. */
export function isCheap(node: NodeProto, isConstant: (name: string) => boolean): boolean {
  if (node.output.length !== 1) return false;
  return LIGHT.has(node.opType) || isAffine(node) || isTransform(node, isConstant);
}
