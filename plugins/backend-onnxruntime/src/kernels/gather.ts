import { backend_util, type KernelConfig, util } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import type { Value } from '../graph/ir.js';
import { defineKernel, type Input } from './define.js';
import { filled } from './fill.js';
import { integerLeaf } from './leaf.js';
import { composeReshape, composeTranspose } from './shape.js';

/**
 * Checks indices whose values are on the host. Computed ones would need a read in the middle of a step: ONNX Runtime
 * refuses those that are out of range while it runs.
 */
export function assertIndices(
  indices: Value,
  isInside: (index: number) => boolean,
  message: (index: number) => string,
): void {
  if (indices.buffer === undefined) return;
  for (const index of indices.buffer.data) if (!isInside(index)) throw new Error(message(index));
}

const gather = defineKernel<Input<'x' | 'indices'>, { axis: number; batchDims?: number | null }>(
  'GatherV2',
  (backend, { x, indices }, attributes) => {
    const [axis] = util.parseAxisParam(attributes.axis, x.shape) as [number];
    const side = x.shape[axis]!;
    const ids = backend.value(indices);
    assertIndices(
      ids,
      (index) => index >= 0 && index < side,
      (index) => `GatherV2: the index value ${index} is not in [0, ${side - 1}]`,
    );
    const given = attributes.batchDims ?? 0;
    const batchDims = given < 0 ? given + indices.shape.length : given;
    const info = backend_util.segment_util.collectGatherOpShapeInfo(x as never, indices as never, axis, batchDims);
    if (util.sizeFromShape(info.outputShape) === 0) return filled(backend, 0, info.outputShape, backend.value(x).dtype);
    const value = backend.value(x);
    if (batchDims > 0) return backend.tensor(gatherInBatches(backend, value, ids, info));
    const count = util.sizeFromShape(indices.shape);
    const flat = composeReshape(backend, ids, [count]);
    const shape = x.shape.map((own, index) => (index === axis ? count : own));
    const taken = backend.compose('Gather', [value, flat], { axis }, shape, value.dtype);
    return backend.tensor(composeReshape(backend, taken, info.outputShape));
  },
);

interface GatherShapes {
  batchSize: number;
  outerSize: number;
  dimSize: number;
  sliceSize: number;
  outputShape: number[];
}

/** Batches become one long axis, on which the indices of batch i start at i times its length. */
function gatherInBatches(backend: OnnxRuntimeBackend, x: Value, ids: Value, info: GatherShapes): Value {
  const { batchSize, outerSize, dimSize, sliceSize, outputShape } = info;
  const count = util.sizeFromShape([...ids.shape]) / batchSize;
  const parted = composeReshape(backend, x, [batchSize, outerSize, dimSize, sliceSize]);
  const rows = composeReshape(backend, composeTranspose(backend, parted, [0, 2, 1, 3]), [
    batchSize * dimSize,
    outerSize * sliceSize,
  ]);
  const starts = integerLeaf(
    Array.from({ length: batchSize }, (_, batch) => batch * dimSize),
    [batchSize, 1],
  );
  const table = [composeReshape(backend, ids, [batchSize, count]), starts];
  const shifted = backend.composeElementwise('Add', table, {}, [batchSize, count], 'int32');
  const flat = composeReshape(backend, shifted, [batchSize * count]);
  const shape = [batchSize * count, outerSize * sliceSize];
  const taken = backend.compose('Gather', [rows, flat], { axis: 0 }, shape, x.dtype);
  const back = composeReshape(backend, taken, [batchSize, count, outerSize, sliceSize]);
  return composeReshape(backend, composeTranspose(backend, back, [0, 2, 1, 3]), outputShape);
}

const gatherNd = defineKernel<Input<'params' | 'indices'>, object>('GatherNd', (backend, { params, indices }) => {
  const [shape] = backend_util.prepareAndValidate(params as never, indices as never);
  if (util.sizeFromShape(shape) === 0) return filled(backend, 0, shape, backend.value(params).dtype);
  const value = backend.value(params);
  return backend.tensor(backend.compose('GatherNd', [value, backend.value(indices)], {}, shape, value.dtype));
});

/** Sorted whether it is asked for or not; of equal elements the first one wins. */
const topK = defineKernel<Input<'x'>, { k: number; sorted: boolean }>('TopK', (backend, { x }, { k }) => {
  const shape = [...x.shape.slice(0, -1), k];
  const dtype = backend.value(x).dtype;
  return backend.record('TopK', [x], { k }, [
    { shape, dtype },
    { shape, dtype: 'int32' },
  ]);
});

export const gatherKernels: readonly KernelConfig[] = [gather, gatherNd, topK];
