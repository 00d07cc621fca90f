import {
  backend_util,
  broadcast_util,
  type KernelConfig,
  type TensorInfo,
  upcastType,
  util,
} from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import type { GraphDType, Value } from '../graph/ir.js';
import { composeActivation, type FusedActivation, optionalValue } from './activation.js';
import { defineKernel, type Input } from './define.js';
import { scalarLeaf } from './leaf.js';

interface MatMulAttributes {
  transposeA: boolean;
  transposeB: boolean;
}

/** @throws when inner sides or batch sides do not fit. */
function composeMatMul(
  backend: OnnxRuntimeBackend,
  a: TensorInfo,
  b: TensorInfo,
  { transposeA, transposeB }: MatMulAttributes,
): Value {
  util.assert(
    a.shape.length >= 2 && b.shape.length >= 2,
    () => `Error in matMul: inputs must have a rank of at least 2, got shapes [${a.shape}] and [${b.shape}].`,
  );
  const [rows, inner] = sides(a.shape, transposeA);
  const [other, columns] = sides(b.shape, transposeB);
  const batch = broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  util.assert(
    inner === other,
    () =>
      `Error in matMul: inner shapes (${inner}) and (${other}) of Tensors with shapes ${a.shape} and ${b.shape} ` +
      `and transposeA=${transposeA} and transposeB=${transposeB} must match.`,
  );
  const shape = [...batch, rows, columns];
  const dtype = upcastType(a.dtype, b.dtype) as GraphDType;
  if (inner === 0) return backend.compose('Broadcast', [scalarLeaf(0, dtype)], {}, shape, dtype);
  return backend.compose('MatMul', [backend.value(a), backend.value(b)], { transposeA, transposeB }, shape, dtype);
}

function sides(shape: readonly number[], transpose: boolean): [number, number] {
  const [rows, columns] = shape.slice(-2) as [number, number];
  return transpose ? [columns, rows] : [rows, columns];
}

const batchMatMul = defineKernel<Input<'a' | 'b'>, MatMulAttributes>('BatchMatMul', (backend, { a, b }, attributes) =>
  backend.tensor(composeMatMul(backend, a, b, attributes)),
);

const fusedMatMul = defineKernel<
  Input<'a' | 'b' | 'bias' | 'preluActivationWeights'>,
  MatMulAttributes & FusedActivation
>('_FusedMatMul', (backend, { a, b, bias, preluActivationWeights }, attributes) => {
  let value = composeMatMul(backend, a, b, attributes);
  if (bias) value = backend.composeElementwise('Add', [value, backend.value(bias)], {}, value.shape, value.dtype);
  value = composeActivation(backend, value, attributes, optionalValue(backend, preluActivationWeights));
  return backend.tensor(value);
});

const einsum = defineKernel<Record<string, TensorInfo>, { equation: string }>(
  'Einsum',
  (backend, inputs, { equation }) => {
    const operands = inputs as unknown as TensorInfo[];
    const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(equation, operands.length);
    backend_util.checkEinsumDimSizes(allDims.length, idDims, operands as never);
    const kept = allDims.slice(0, allDims.length - summedDims.length);
    const shape = kept.map((_, dim) => {
      const operand = idDims.findIndex((dims) => dims.includes(dim));
      return operands[operand]!.shape[idDims[operand]!.indexOf(dim)]!;
    });
    const dtype = operands.map((operand) => operand.dtype).reduce(upcastType) as GraphDType;
    return backend.recordOne('Einsum', operands, { equation: equation.replace(/\s/g, '') }, shape, dtype);
  },
);

export const matMulKernels: readonly KernelConfig[] = [batchMatMul, fusedMatMul, einsum];
