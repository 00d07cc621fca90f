import type { NodeProto } from 'onnx-buf';

const BINARY = new Set(['Add', 'Sub', 'Mul', 'Div']);
const UNARY = new Set(['Neg', 'Exp', 'Log', 'Sqrt', 'Clip', 'Relu', 'LeakyRelu', 'Tanh']);

/** Position of the sum among the inputs of a blocked convolution. */
const SUM = 3;

/** Inputs that ONNX Runtime's kernel may overwrite. */
export function overwritable({ opType, domain, input }: NodeProto): readonly string[] {
  if (domain === 'com.microsoft.nchwc') return opType === 'Conv' && input.length > SUM ? [input[SUM]!] : [];
  if (domain !== '') return [];
  if (BINARY.has(opType)) return input[0] === input[1] ? [] : input;
  return UNARY.has(opType) ? [input[0]!] : [];
}
