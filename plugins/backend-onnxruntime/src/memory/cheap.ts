import type { NodeProto } from 'onnx-buf';
import type { ProgramTensor } from './program.js';

/** Operations that take about as long as reading and writing their tensors. */
const LIGHT = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Neg', 'Exp', 'Log', 'Sqrt', 'Clip', 'Relu', 'LeakyRelu', 'Max', 'Min', 'Where'],
  ...['Cast', 'Equal', 'Greater', 'Less', 'IsNaN', 'Not', 'Expand', 'Transpose', 'Gather', 'Concat', 'Slice', 'Pad'],
  ...['ReorderInput', 'ReorderOutput'],
]);

/**
 * Products per element of a convolution's result up to which it is computed again: the first convolution of a network has
 * 27, a transposed 2x2x2 one of 128 channels has 128, a 3x3x3 one of 32 channels 288 after its transform.
 */
const FEW_PRODUCTS = 128;

/** Bytes that are read in the time of one product, on two cores with AVX-512. */
const BYTES_PER_PRODUCT = 0.15;

function numbersOf({ attribute }: NodeProto, name: string): readonly number[] {
  return attribute.find((candidate) => candidate.name === name)?.ints.map(Number) ?? [];
}

/** Products for one element of a convolution's result; infinite where the channels of its input are not known. */
function productsOf(node: NodeProto, tensors: ReadonlyMap<string, ProgramTensor>): number {
  const groups = Number(node.attribute.find(({ name }) => name === 'group')?.i ?? 1n);
  const taps = numbersOf(node, 'kernel_shape').reduce((product, side) => product * side, 1);
  const channels = tensors.get(node.input[0]!)?.shape[1];
  return channels === undefined ? Number.POSITIVE_INFINITY : (channels / groups) * taps;
}

/** A transform along depth: a small constant matrix times planes. */
function isTransform(node: NodeProto, isConstant: (name: string) => boolean): boolean {
  return node.opType === 'MatMul' && isConstant(node.input[0]!);
}

/**
 * What computing a node again costs beside reading and writing its tensors, as bytes that are read meanwhile; infinite
 * where it is not worth its memory.
 */
export function costOf(
  node: NodeProto,
  tensors: ReadonlyMap<string, ProgramTensor>,
  isConstant: (name: string) => boolean,
): number {
  if (node.output.length !== 1) return Number.POSITIVE_INFINITY;
  if (LIGHT.has(node.opType) || isTransform(node, isConstant)) return 0;
  if (node.opType !== 'Conv') return Number.POSITIVE_INFINITY;
  const products = productsOf(node, tensors);
  if (products > FEW_PRODUCTS) return Number.POSITIVE_INFINITY;
  return products === 1 ? 0 : (BYTES_PER_PRODUCT * products * tensors.get(node.output[0]!)!.bytes) / 4;
}
