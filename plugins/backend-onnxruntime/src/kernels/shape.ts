import { type DataType, type KernelConfig, util } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import type { GraphDType, Value } from '../graph/ir.js';
import { defineHostKernel, defineKernel, type Input, isHostOnly } from './define.js';
import { identity } from './elementwise.js';
import { runOnCpu } from './fallback.js';

/** The same elements under another shape. */
export function composeReshape(backend: OnnxRuntimeBackend, x: Value, shape: readonly number[]): Value {
  if (util.arraysEqual([...x.shape], [...shape])) return x;
  return backend.compose('Reshape', [x], {}, shape, x.dtype);
}

export function composeTranspose(backend: OnnxRuntimeBackend, x: Value, perm: readonly number[]): Value {
  const shape = perm.map((axis) => x.shape[axis]!);
  return backend.compose('Transpose', [x], { perm: [...perm] }, shape, x.dtype);
}

const reshape = defineHostKernel<Input<'x'>, { shape: number[] }>('Reshape', (backend, { x }, { shape }) => {
  const size = util.sizeFromShape(x.shape);
  const result = util.inferFromImplicitShape(shape, size);
  util.assert(
    size === util.sizeFromShape(result),
    () => `The new shape (${result}) and the old shape (${x.shape}) must have the same number of elements`,
  );
  if (isHostOnly(x.dtype)) return { ...identity(backend, x), shape: result };
  return backend.recordOne('Reshape', [x], {}, result, x.dtype as GraphDType);
});

const expandDims = defineHostKernel<Input<'input'>, { dim: number }>('ExpandDims', (backend, { input }, { dim }) => {
  const rank = input.shape.length;
  util.assert(-(rank + 1) <= dim && dim <= rank, () => `Axis must be in the interval [${-(rank + 1)}, ${rank}]`);
  const shape = [...input.shape];
  shape.splice(dim < 0 ? rank + dim + 1 : dim, 0, 1);
  if (isHostOnly(input.dtype)) return { ...identity(backend, input), shape };
  return backend.recordOne('Reshape', [input], {}, shape, input.dtype as GraphDType);
});

const transpose = defineKernel<Input<'x'>, { perm: number[] }>('Transpose', (backend, { x }, { perm }) =>
  backend.tensor(composeTranspose(backend, backend.value(x), perm)),
);

const cast = defineHostKernel<Input<'x'>, { dtype: DataType }>('Cast', (backend, inputs, { dtype }) => {
  const { x } = inputs;
  if (x.dtype === dtype) return identity(backend, x);
  if (isHostOnly(x.dtype) || isHostOnly(dtype)) return runOnCpu(backend, 'Cast', inputs, { dtype });
  return backend.recordElementwise('Cast', [x], { dtype }, x.shape, dtype as GraphDType);
});

const tile = defineKernel<Input<'x'>, { reps: number[] }>('Tile', (backend, { x }, { reps }) => {
  const shape = x.shape.map((side, axis) => side * reps[axis]!);
  // tf.broadcastTo arrives here: repeating only sides of one is a broadcast, which costs nothing until it is needed.
  if (x.shape.every((side, axis) => side === 1 || reps[axis] === 1)) {
    return backend.recordOne('Broadcast', [x], {}, shape, x.dtype as GraphDType);
  }
  return backend.recordOne('Tile', [x], { repeats: [...reps] }, shape, x.dtype as GraphDType);
});

export const shapeKernels: readonly KernelConfig[] = [reshape, expandDims, transpose, cast, tile];
