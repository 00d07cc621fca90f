import { backend_util, type KernelConfig, slice_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import type { GraphDType, Value } from '../graph/ir.js';
import { defineKernel, type Input } from './define.js';
import { identity } from './elementwise.js';
import { composeReshape } from './shape.js';

type Tensors = Record<string, TensorInfo>;

/** A part of `x`, or `x` itself where it is the whole. */
export function composeSlice(
  backend: OnnxRuntimeBackend,
  x: Value,
  begin: readonly number[],
  size: readonly number[],
): Value {
  if (util.arraysEqual([...size], [...x.shape])) return x;
  return backend.compose('Slice', [x], { begin: [...begin] }, size, x.dtype);
}

function composeConcat(backend: OnnxRuntimeBackend, parts: readonly Value[], axis: number): Value {
  const shape = backend_util.computeOutShape(
    parts.map((part) => [...part.shape]),
    axis,
  );
  const dtype = parts[0]!.dtype;
  const filled = parts.filter((part) => util.sizeFromShape([...part.shape]) > 0);
  if (filled.length === 1) return filled[0]!;
  return backend.compose('Concat', filled, { axis }, shape, dtype);
}

const concat = defineKernel<Tensors, { axis: number }>('Concat', (backend, inputs, { axis }) => {
  const parts = inputs as unknown as TensorInfo[];
  const [along] = util.parseAxisParam(axis, parts[0]!.shape) as [number];
  backend_util.assertParamsConsistent(
    parts.map((part) => part.shape),
    along,
  );
  const filled = parts.filter((part) => util.sizeFromShape(part.shape) > 0);
  if (filled.length === 1) return identity(backend, filled[0]!);
  const values = parts.map((part) => backend.value(part));
  return backend.tensor(composeConcat(backend, values, along));
});

const pack = defineKernel<Tensors, { axis: number }>('Pack', (backend, inputs, { axis }) => {
  const parts = inputs as unknown as TensorInfo[];
  const { shape, dtype } = parts[0]!;
  for (const part of parts) {
    util.assertShapesMatch(shape, part.shape, 'All tensors passed to stack must have matching shapes');
    util.assert(part.dtype === dtype, () => 'All tensors passed to stack must have matching dtypes');
  }
  const along = axis < 0 ? axis + shape.length + 1 : axis;
  const lifted = [...shape.slice(0, along), 1, ...shape.slice(along)];
  const values = parts.map((part) => composeReshape(backend, backend.value(part), lifted));
  if (util.sizeFromShape(shape) > 0) return backend.tensor(composeConcat(backend, values, along));
  const empty = lifted.map((side, index) => (index === along ? parts.length : side));
  return backend.tensor(backend.compose('Reshape', [values[0]!], {}, empty, dtype as GraphDType));
});

const unpack = defineKernel<Input<'value'>, { axis: number }>('Unpack', (backend, { value: info }, { axis }) => {
  const value = backend.value(info);
  const along = axis < 0 ? axis + value.shape.length : axis;
  const shape = value.shape.filter((_, index) => index !== along);
  const size = value.shape.map((side, index) => (index === along ? 1 : side));
  return Array.from({ length: value.shape[along]! }, (_, position) => {
    const begin = value.shape.map((_side, index) => (index === along ? position : 0));
    return backend.tensor(composeReshape(backend, composeSlice(backend, value, begin, size), shape));
  });
});

const splitV = defineKernel<Input<'x'>, { numOrSizeSplits: number[] | number; axis: number }>(
  'SplitV',
  (backend, { x }, { numOrSizeSplits, axis }) => {
    const [along] = util.parseAxisParam(axis, x.shape) as [number];
    const sizes = backend_util.prepareSplitSize(x as never, numOrSizeSplits, along);
    const value = backend.value(x);
    let start = 0;
    return sizes.map((side) => {
      const begin = x.shape.map((_, index) => (index === along ? start : 0));
      const size = x.shape.map((whole, index) => (index === along ? side : whole));
      start += side;
      return backend.tensor(composeSlice(backend, value, begin, size));
    });
  },
);

const slice = defineKernel<Input<'x'>, { begin: number[]; size: number[] }>(
  'Slice',
  (backend, { x }, { begin, size }) => {
    const [starts, sizes] = slice_util.parseSliceParams(x as never, begin, size) as [number[], number[]];
    slice_util.assertParamsValid(x as never, starts, sizes);
    return backend.recordOne('Slice', [x], { begin: [...starts] }, sizes, x.dtype as GraphDType);
  },
);

interface StridedSliceAttributes {
  begin: number[];
  end: number[];
  strides: number[];
  beginMask: number;
  endMask: number;
  ellipsisMask: number;
  newAxisMask: number;
  shrinkAxisMask: number;
}

const stridedSlice = defineKernel<Input<'x'>, StridedSliceAttributes>('StridedSlice', (backend, { x }, attributes) => {
  const { begin, end, strides, beginMask, endMask, ellipsisMask, newAxisMask, shrinkAxisMask } = attributes;
  const info = slice_util.sliceInfo(
    x.shape,
    begin,
    end,
    strides,
    beginMask,
    endMask,
    ellipsisMask,
    newAxisMask,
    shrinkAxisMask,
  );
  const value = backend.value(x);
  const size = slice_util.computeOutShape(info.begin, info.end, info.strides);
  const taken = { begin: [...info.begin], strides: [...info.strides] };
  const sliced = info.isIdentity ? value : backend.compose('StridedSlice', [value], taken, size, value.dtype);
  return backend.tensor(backend.compose('Reshape', [sliced], {}, info.finalShape, value.dtype));
});

export const joinKernels: readonly KernelConfig[] = [concat, pack, unpack, splitV, slice, stridedSlice];
