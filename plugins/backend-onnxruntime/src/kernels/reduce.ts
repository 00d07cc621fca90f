import { type KernelConfig, sumOutType, type TensorInfo, upcastType, util } from '@tensorflow/tfjs-core';
import type { GraphDType } from '../graph/ir.js';
import { defineKernel, type Input } from './define.js';
import { identity } from './elementwise.js';

interface ReduceAttributes {
  axis: number | number[];
  keepDims: boolean;
}

function reduceKernel(name: string, kind: string, result: (x: TensorInfo) => GraphDType): KernelConfig {
  return defineKernel<Input<'x'>, ReduceAttributes>(name, (backend, { x }, { axis, keepDims }) => {
    const axes = util.parseAxisParam(axis, x.shape);
    if (axes.length === 0) return identity(backend, x);
    const kept = x.shape.map((side, index) => (axes.includes(index) ? 1 : side));
    const shape = keepDims ? kept : x.shape.filter((_, index) => !axes.includes(index));
    return backend.recordOne('Reduce', [x], { kind, axes, keepDims }, shape, result(x));
  });
}

const own = (x: TensorInfo) => x.dtype as GraphDType;

const batchMatMul = defineKernel<Input<'a' | 'b'>, { transposeA: boolean; transposeB: boolean }>(
  'BatchMatMul',
  (backend, { a, b }, { transposeA, transposeB }) => {
    const rank = a.shape.length;
    const rows = a.shape[transposeA ? rank - 1 : rank - 2]!;
    const inner = a.shape[transposeA ? rank - 2 : rank - 1]!;
    const other = b.shape[transposeB ? b.shape.length - 1 : b.shape.length - 2]!;
    const columns = b.shape[transposeB ? b.shape.length - 2 : b.shape.length - 1]!;
    util.assert(
      inner === other,
      () => `Error in matMul: inner shapes (${inner}) and (${other}) of [${a.shape}] and [${b.shape}] must match.`,
    );
    const batch = util.sizeFromShape(a.shape.slice(0, -2)) >= util.sizeFromShape(b.shape.slice(0, -2)) ? a : b;
    const shape = [...batch.shape.slice(0, -2), rows, columns];
    return backend.recordOne(
      'MatMul',
      [a, b],
      { transposeA, transposeB },
      shape,
      upcastType(a.dtype, b.dtype) as GraphDType,
    );
  },
);

export const reduceKernels: readonly KernelConfig[] = [
  reduceKernel('Sum', 'Sum', (x) => sumOutType(x.dtype) as GraphDType),
  reduceKernel('Mean', 'Mean', () => 'float32'),
  reduceKernel('Max', 'Max', own),
  reduceKernel('Min', 'Min', own),
  batchMatMul,
];
