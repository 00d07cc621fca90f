import type { NodeProto } from 'onnx-buf';

/** ONNX Runtime's kernels that may write over their input; those of sums and products may not (seen in its profiles). */
const UNARY = new Set(['Clip', 'Relu', 'LeakyRelu', 'Tanh']);

/** Position of the summand among the inputs of a blocked convolution, which copies it on one thread where it may not. */
const SUMMAND = 3;

/** The input that ONNX Runtime's kernel may write its result over. */
export function overwritable({ opType, domain, input }: NodeProto): string | undefined {
  if (domain === 'com.microsoft.nchwc') return opType === 'Conv' ? input[SUMMAND] : undefined;
  return domain === '' && UNARY.has(opType) ? input[0] : undefined;
}
