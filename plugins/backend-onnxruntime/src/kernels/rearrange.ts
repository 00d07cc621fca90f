import { backend_util, type KernelConfig, util } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import type { Value } from '../graph/ir.js';
import { defineKernel, type Input } from './define.js';
import { identity } from './elementwise.js';
import { composeSlice } from './join.js';
import { scalarLeaf } from './leaf.js';
import { composeReshape, composeTranspose } from './shape.js';

type Sides = readonly (readonly [number, number])[];

function composePad(backend: OnnxRuntimeBackend, x: Value, paddings: Sides, constant: number): Value {
  const before = paddings.map((sides) => sides[0]);
  const after = paddings.map((sides) => sides[1]);
  const shape = x.shape.map((side, axis) => side + before[axis]! + after[axis]!);
  const value = scalarLeaf(constant, x.dtype);
  if (util.sizeFromShape([...x.shape]) === 0) return backend.compose('Broadcast', [value], {}, shape, x.dtype);
  return backend.compose('Pad', [x, value], { before, after }, shape, x.dtype);
}

/** x taken at the given positions of one axis. */
function composeTake(backend: OnnxRuntimeBackend, x: Value, axis: number, positions: readonly number[]): Value {
  const shape = x.shape.map((side, index) => (index === axis ? positions.length : side));
  return backend.compose('Take', [x], { axis, positions }, shape, x.dtype);
}

const pad = defineKernel<Input<'x'>, { paddings: [number, number][]; constantValue: number }>(
  'PadV2',
  (backend, { x }, { paddings, constantValue }) => {
    if (x.shape.length === 0 || paddings.every(([before, after]) => before === 0 && after === 0)) {
      return identity(backend, x);
    }
    return backend.tensor(composePad(backend, backend.value(x), paddings, constantValue));
  },
);

/** `reflect` leaves the border element out of the mirror image, `symmetric` repeats it. */
const mirrorPad = defineKernel<Input<'x'>, { paddings: [number, number][]; mode: 'reflect' | 'symmetric' }>(
  'MirrorPad',
  (backend, { x }, { paddings, mode }) => {
    const offset = mode === 'reflect' ? 0 : 1;
    const padded = paddings.reduce((value, [before, after], axis) => {
      if (before === 0 && after === 0) return value;
      const side = x.shape[axis]!;
      const positions = Array.from({ length: before + side + after }, (_, index) => {
        const position = index - before;
        if (position < 0) return -position - offset;
        return position < side ? position : 2 * (side - 1) - position + offset;
      });
      return composeTake(backend, value, axis, positions);
    }, backend.value(x));
    return padded === backend.value(x) ? identity(backend, x) : backend.tensor(padded);
  },
);

function composeReverse(backend: OnnxRuntimeBackend, x: Value, axes: readonly number[]): Value {
  return backend.compose('Reverse', [x], { axes: [...axes] }, x.shape, x.dtype);
}

const reverse = defineKernel<Input<'x'>, { dims: number[] }>('Reverse', (backend, { x }, { dims }) => {
  const axes = util.parseAxisParam(dims, x.shape);
  if (x.shape.length === 0 || axes.length === 0) return identity(backend, x);
  return backend.tensor(composeReverse(backend, backend.value(x), axes));
});

const flipLeftRight = defineKernel<Input<'image'>, object>('FlipLeftRight', (backend, { image }) =>
  backend.tensor(composeReverse(backend, backend.value(image), [2])),
);

const spaceToBatch = defineKernel<Input<'x'>, { blockShape: number[]; paddings: [number, number][] }>(
  'SpaceToBatchND',
  (backend, { x }, { blockShape, paddings }) => {
    const product = util.sizeFromShape(blockShape);
    const rest = x.shape.slice(1 + blockShape.length).map(() => [0, 0] as const);
    const padded = composePad(backend, backend.value(x), [[0, 0], ...paddings, ...rest], 0);
    const parted = composeReshape(
      backend,
      padded,
      backend_util.getReshaped([...padded.shape], blockShape, product, false),
    );
    const perm = backend_util.getPermuted(parted.shape.length, blockShape.length, false);
    const moved = composeTranspose(backend, parted, perm);
    const shape = backend_util.getReshapedPermuted([...padded.shape], blockShape, product, false);
    return backend.tensor(composeReshape(backend, moved, shape));
  },
);

const batchToSpace = defineKernel<Input<'x'>, { blockShape: number[]; crops: number[][] }>(
  'BatchToSpaceND',
  (backend, { x }, { blockShape, crops }) => {
    const product = util.sizeFromShape(blockShape);
    const parted = composeReshape(backend, backend.value(x), backend_util.getReshaped(x.shape, blockShape, product));
    const perm = backend_util.getPermuted(parted.shape.length, blockShape.length);
    const shape = backend_util.getReshapedPermuted(x.shape, blockShape, product);
    const joined = composeReshape(backend, composeTranspose(backend, parted, perm), shape);
    const rest = shape.slice(1 + blockShape.length);
    const begin = [...backend_util.getSliceBeginCoords(crops, blockShape.length), ...rest.map(() => 0)];
    const size = [...backend_util.getSliceSize(shape, crops, blockShape.length), ...rest];
    return backend.tensor(composeSlice(backend, joined, begin, size));
  },
);

const depthToSpace = defineKernel<Input<'x'>, { blockSize: number; dataFormat: 'NHWC' | 'NCHW' }>(
  'DepthToSpace',
  (backend, { x }, { blockSize, dataFormat }) => {
    util.assert(dataFormat === 'NHWC', () => `Only NHWC dataFormat supported for depthToSpace. Got ${dataFormat}`);
    const [b, h, w, c] = x.shape as [number, number, number, number];
    const depth = c / (blockSize * blockSize);
    const parted = composeReshape(backend, backend.value(x), [b, h, w, blockSize, blockSize, depth]);
    const moved = composeTranspose(backend, parted, [0, 1, 3, 2, 4, 5]);
    return backend.tensor(composeReshape(backend, moved, [b, h * blockSize, w * blockSize, depth]));
  },
);

export const rearrangeKernels: readonly KernelConfig[] = [
  pad,
  mirrorPad,
  reverse,
  flipLeftRight,
  spaceToBatch,
  batchToSpace,
  depthToSpace,
];
