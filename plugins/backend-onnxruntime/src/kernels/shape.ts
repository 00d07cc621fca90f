import {
  backend_util,
  type DataType,
  type KernelConfig,
  slice_util,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import { createLeaf, createNode, type GraphDType } from '../graph/ir.js';
import { identityKey } from '../session/compile.js';
import { BACKEND_NAME, defineKernel, type Input } from './define.js';
import { identity } from './elementwise.js';
import { runOnCpu } from './fallback.js';

/** Types that live on the host only. */
export function isHostOnly(dtype: DataType): boolean {
  return dtype === 'string' || dtype === 'complex64';
}

const reshape = defineKernel<Input<'x'>, { shape: number[] }>('Reshape', (backend, { x }, { shape }) => {
  const size = util.sizeFromShape(x.shape);
  const result = util.inferFromImplicitShape(shape, size);
  util.assert(
    size === util.sizeFromShape(result),
    () => `The new shape (${result}) and the old shape (${x.shape}) must have the same number of elements`,
  );
  if (isHostOnly(x.dtype)) return { ...identity(backend, x), shape: result };
  return backend.recordOne('Reshape', [x], {}, result, x.dtype as GraphDType);
});

const transpose = defineKernel<Input<'x'>, { perm: number[] }>('Transpose', (backend, inputs, { perm }) => {
  const { x } = inputs;
  if (isHostOnly(x.dtype)) return runOnCpu(backend, 'Transpose', inputs, { perm });
  return backend.recordOne(
    'Transpose',
    [x],
    { perm: [...perm] },
    perm.map((axis) => x.shape[axis]!),
    x.dtype as GraphDType,
  );
});

const concat = defineKernel<Record<string, TensorInfo>, { axis: number }>('Concat', (backend, inputs, { axis }) => {
  const parts = inputs as unknown as TensorInfo[];
  const along = util.parseAxisParam(axis, parts[0]!.shape)[0]!;
  const shapes = parts.map((part) => part.shape);
  backend_util.assertParamsConsistent(shapes, along);
  const shape = backend_util.computeOutShape(shapes, along);
  if (parts.some((part) => isHostOnly(part.dtype))) return runOnCpu(backend, 'Concat', inputs, { axis });
  const filled = parts.filter((part) => util.sizeFromShape(part.shape) > 0);
  if (filled.length === 1) return identity(backend, filled[0]!);
  return backend.recordOne('Concat', filled, { axis: along }, shape, parts[0]!.dtype as GraphDType);
});

const slice = defineKernel<Input<'x'>, { begin: number[]; size: number[] }>(
  'Slice',
  (backend, inputs, { begin, size }) => {
    const { x } = inputs;
    const [starts, sizes] = slice_util.parseSliceParams(x as never, begin, size) as [number[], number[]];
    slice_util.assertParamsValid(x as never, starts, sizes);
    if (isHostOnly(x.dtype)) return runOnCpu(backend, 'Slice', inputs, { begin, size });
    return backend.recordOne('Slice', [x], { begin: [...starts] }, sizes, x.dtype as GraphDType);
  },
);

const pad = defineKernel<Input<'x'>, { paddings: [number, number][]; constantValue: number }>(
  'PadV2',
  (backend, inputs, { paddings, constantValue }) => {
    const { x } = inputs;
    if (isHostOnly(x.dtype)) return runOnCpu(backend, 'PadV2', inputs, { paddings, constantValue });
    const before = paddings.map((sides) => sides[0]);
    const after = paddings.map((sides) => sides[1]);
    const shape = x.shape.map((side, axis) => side + before[axis]! + after[axis]!);
    return backend.recordOne('Pad', [x], { before, after, value: constantValue }, shape, x.dtype as GraphDType);
  },
);

const tile = defineKernel<Input<'x'>, { reps: number[] }>('Tile', (backend, inputs, { reps }) => {
  const { x } = inputs;
  if (isHostOnly(x.dtype)) return runOnCpu(backend, 'Tile', inputs, { reps });
  const shape = x.shape.map((side, axis) => side * reps[axis]!);
  // tf.broadcastTo arrives here: repeating only sides of one is a broadcast, which costs nothing until it is needed.
  if (x.shape.every((side, axis) => side === 1 || reps[axis] === 1)) {
    return backend.recordOne('Broadcast', [x], {}, shape, x.dtype as GraphDType);
  }
  return backend.recordOne('Tile', [x], { repeats: [...reps] }, shape, x.dtype as GraphDType);
});

const oneHot = defineKernel<Input<'indices'>, { depth: number; onValue: number; offValue: number; dtype: DataType }>(
  'OneHot',
  (backend, { indices }, { depth, onValue, offValue, dtype }) =>
    backend.recordOne(
      'OneHot',
      [indices],
      { depth, onValue, offValue },
      [...indices.shape, depth],
      (dtype ?? 'int32') as GraphDType,
    ),
);

function constant(backend: OnnxRuntimeBackend, value: number, shape: readonly number[], dtype: GraphDType): TensorInfo {
  const data =
    dtype === 'float32' ? Float32Array.of(value) : dtype === 'int32' ? Int32Array.of(value) : Uint8Array.of(value);
  const scalar = createLeaf([], dtype, { data, layout: identityKey(0), dims: [] });
  return backend.tensor(createNode('Broadcast', [scalar], {}, [{ shape, dtype }]).outputs[0]!);
}

const fill = {
  kernelName: 'Fill',
  backendName: BACKEND_NAME,
  kernelFunc: ({ attrs, backend }: { attrs?: unknown; backend: unknown }) => {
    const { shape, value, dtype } = attrs as { shape: number[]; value: number | string; dtype?: DataType };
    const engine = backend as OnnxRuntimeBackend;
    const type = dtype ?? util.inferDtype(value);
    if (type === 'string') {
      return engine.makeTensorInfo(
        shape,
        type,
        new Array<Uint8Array>(util.sizeFromShape(shape)).fill(util.encodeString(value as string)),
      );
    }
    return constant(engine, value as number, shape, type as GraphDType);
  },
} satisfies KernelConfig;

function filledLike(name: 'ZerosLike' | 'OnesLike', value: number): KernelConfig {
  return defineKernel<Input<'x'>, object>(name, (backend, inputs) => {
    const { x } = inputs;
    if (isHostOnly(x.dtype)) return runOnCpu(backend, name, inputs, {});
    return constant(backend, value, x.shape, x.dtype as GraphDType);
  });
}

const cast = defineKernel<Input<'x'>, { dtype: DataType }>('Cast', (backend, inputs, { dtype }) => {
  const { x } = inputs;
  if (x.dtype === dtype) return identity(backend, x);
  if (isHostOnly(x.dtype) || isHostOnly(dtype)) return runOnCpu(backend, 'Cast', inputs, { dtype });
  return backend.recordElementwise('Cast', [x], { dtype }, x.shape, dtype as GraphDType);
});

export const shapeKernels: readonly KernelConfig[] = [
  reshape,
  transpose,
  concat,
  slice,
  pad,
  tile,
  oneHot,
  fill,
  filledLike('ZerosLike', 0),
  filledLike('OnesLike', 1),
  cast,
];
