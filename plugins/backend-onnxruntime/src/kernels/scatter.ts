import { backend_util, type KernelConfig, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import type { GraphDType, Value } from '../graph/ir.js';
import { defineKernel, type Input } from './define.js';
import { floatValue, identity } from './elementwise.js';
import { filled } from './fill.js';
import { integerLeaf, scalarLeaf } from './leaf.js';
import { composeReshape } from './shape.js';

/** Rows of a table that index tuples [n, rank] point at, [n]. */
function composeRows(backend: OnnxRuntimeBackend, indices: Value, count: number, strides: readonly number[]): Value {
  const rank = strides.length;
  const tuples = composeReshape(backend, indices, [count, rank]);
  const scaled = backend.composeElementwise(
    'Multiply',
    [tuples, integerLeaf(strides, [1, rank])],
    {},
    [count, rank],
    'int32',
  );
  return backend.compose('Reduce', [scaled], { kind: 'Sum', axes: [1], keepDims: false }, [count], 'int32');
}

/** Tuples whose values are on the host are checked here, computed ones by ONNX Runtime while it runs. */
function assertTuples(indices: Value, strides: readonly number[], rows: number, shape: readonly number[]): void {
  const data = indices.buffer?.data;
  if (!data) return;
  for (let start = 0; start < data.length; start += strides.length) {
    const tuple = data.subarray(start, start + strides.length);
    const row = strides.reduce((total, stride, axis) => total + stride * tuple[axis]!, 0);
    if (row < 0 || row >= rows) throw new Error(`Invalid indices: ${tuple} does not index into ${shape}`);
  }
}

/** Writes updates into `table` [rows, size], or adds them to it. */
function composeScatter(
  backend: OnnxRuntimeBackend,
  reduction: 'none' | 'add',
  table: Value,
  rows: Value,
  updates: Value,
): Value {
  return backend.compose('Scatter', [table, rows, updates], { reduction }, table.shape, table.dtype);
}

function zeros(backend: OnnxRuntimeBackend, shape: readonly number[], dtype: GraphDType): Value {
  return backend.compose('Broadcast', [scalarLeaf(0, dtype)], {}, shape, dtype);
}

/** A tensor of `shape` with updates written into or added to `base`. */
function scatterInto(
  backend: OnnxRuntimeBackend,
  reduction: 'none' | 'add',
  base: Value,
  indices: TensorInfo,
  updates: TensorInfo,
): TensorInfo {
  const shape = [...base.shape];
  const ids = backend.value(indices);
  const plan = backend_util.calculateShapes(updates as never, indices as never, shape);
  const { sliceRank, numUpdates, sliceSize, outputSize } = plan;
  const rows = outputSize / sliceSize;
  const strides = plan.strides.slice(0, sliceRank);
  assertTuples(ids, strides, rows, shape);
  const table = composeReshape(backend, base, [rows, sliceSize]);
  const source = backend.value(updates);
  const single = util.sizeFromShape(updates.shape) === 1;
  const values = single
    ? backend.compose('Broadcast', [composeReshape(backend, source, [])], {}, [numUpdates, sliceSize], source.dtype)
    : composeReshape(backend, source, [numUpdates, sliceSize]);
  const target = composeRows(backend, ids, numUpdates, strides);
  return backend.tensor(composeReshape(backend, composeScatter(backend, reduction, table, target, values), shape));
}

const scatterNd = defineKernel<Input<'indices' | 'updates'>, { shape: number[] }>(
  'ScatterNd',
  (backend, { indices, updates }, { shape }) => {
    const dtype = backend.value(updates).dtype;
    if (util.sizeFromShape(shape) === 0 || util.sizeFromShape(updates.shape) === 0) {
      return filled(backend, 0, shape, dtype);
    }
    return scatterInto(backend, 'add', zeros(backend, shape, dtype), indices, updates);
  },
);

const tensorScatterUpdate = defineKernel<Input<'tensor' | 'indices' | 'updates'>, object>(
  'TensorScatterUpdate',
  (backend, { tensor, indices, updates }) => {
    if (util.sizeFromShape(tensor.shape) === 0 || util.sizeFromShape(updates.shape) === 0) {
      return identity(backend, tensor);
    }
    return scatterInto(backend, 'none', backend.value(tensor), indices, updates);
  },
);

const sparseToDense = defineKernel<Input<'sparseIndices' | 'sparseValues' | 'defaultValue'>, { outputShape: number[] }>(
  'SparseToDense',
  (backend, { sparseIndices, sparseValues, defaultValue }, { outputShape }) => {
    const { dtype } = backend.value(sparseValues);
    const base = backend.compose('Broadcast', [backend.value(defaultValue)], {}, outputShape, dtype);
    if (util.sizeFromShape(sparseIndices.shape) === 0) return backend.tensor(base);
    return scatterInto(backend, 'none', base, sparseIndices, sparseValues);
  },
);

/** Rows of x added up by segment. Rows whose segment is out of range belong to none. */
const segmentSum = defineKernel<Input<'x' | 'segmentIds'>, { numSegments: number }>(
  'UnsortedSegmentSum',
  (backend, { x, segmentIds }, { numSegments }) => {
    const inner = x.shape.slice(segmentIds.shape.length);
    const shape = [numSegments, ...inner];
    const count = util.sizeFromShape(segmentIds.shape);
    if (util.sizeFromShape(x.shape) === 0) return filled(backend, 0, shape, 'float32');
    const size = util.sizeFromShape(inner);
    const ids = composeReshape(backend, backend.value(segmentIds), [count]);
    const each = (op: string, values: Value[], dtype: GraphDType) =>
      backend.composeElementwise(op, values, {}, [count], dtype);
    const outside = scalarLeaf(numSegments, 'int32');
    const negative = each('Less', [ids, scalarLeaf(0, 'int32')], 'bool');
    const row = each('Select', [negative, outside, each('Minimum', [ids, outside], 'int32')], 'int32');
    const table = zeros(backend, [numSegments + 1, size], 'float32');
    const values = composeReshape(backend, floatValue(backend, x), [count, size]);
    const sums = composeScatter(backend, 'add', table, row, values);
    const kept = backend.compose('Slice', [sums], { begin: [0, 0] }, [numSegments, size], 'float32');
    return backend.tensor(composeReshape(backend, kept, shape));
  },
);

export const scatterKernels: readonly KernelConfig[] = [scatterNd, tensorScatterUpdate, sparseToDense, segmentSum];
