import type { KernelConfig, TensorInfo } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import type { Value } from '../graph/ir.js';
import { defineHostKernel, type Input } from './define.js';
import { scalarLeaf } from './leaf.js';

/** The smallest normal float32. */
const SMALLEST = 2 ** -126;

const complex = defineHostKernel<Input<'real' | 'imag'>, object>('Complex', (backend, { real, imag }) =>
  backend.makeComplex(real, imag),
);

function part(name: 'Real' | 'Imag', key: 'real' | 'imag'): KernelConfig {
  return defineHostKernel<Input<'input'>, object>(name, (backend, { input }) => partOf(backend, input, key));
}

/** A tensor of its own on the values of one part. */
export function partOf(backend: OnnxRuntimeBackend, input: TensorInfo, key: 'real' | 'imag'): TensorInfo {
  const parts = backend.data.get(input.dataId).complex;
  if (!parts) throw new Error(`expected a complex64 tensor, not ${input.dtype}`);
  const { dataId } = backend.tensor(backend.value(parts[key]));
  return { dataId, shape: input.shape, dtype: 'float32' };
}

/** The larger magnitude times sqrt(1 + ratio squared): squares of small numbers would underflow. */
const complexAbs = defineHostKernel<Input<'x'>, object>('ComplexAbs', (backend, { x }) => {
  const { real, imag } = backend.data.get(x.dataId).complex!;
  const shape = real.shape;
  const each = (op: string, ...inputs: Value[]) => backend.composeElementwise(op, inputs, {}, shape, 'float32');
  const [a, b] = [each('Abs', backend.value(real)), each('Abs', backend.value(imag))];
  const large = each('Maximum', a, b);
  const ratio = each('RealDiv', each('Minimum', a, b), each('Maximum', large, scalarLeaf(SMALLEST, 'float32')));
  const factor = each('Sqrt', each('Add', each('Square', ratio), scalarLeaf(1, 'float32')));
  return { ...backend.tensor(each('Multiply', large, factor)), shape: x.shape };
});

export const complexKernels: readonly KernelConfig[] = [
  complex,
  part('Real', 'real'),
  part('Imag', 'imag'),
  complexAbs,
];
