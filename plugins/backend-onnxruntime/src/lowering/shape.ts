import type { Node } from '../graph/ir.js';
import { type LoweringContext, type LoweringTable, numberAttribute, numbersAttribute } from './context.js';
import { product } from './conv-geometry.js';
import type { Emitted } from './emitter.js';
import {
  channelFirstLayout,
  denseLayout,
  identityLayout,
  isIdentity,
  type Layout,
  physicalAxes,
  physicalShape,
} from './layout.js';
import { isDense, Lowered } from './lowered.js';
import { takeAt } from './primitives.js';
import { range } from './range.js';
import { reshapeLayout } from './reshape-layout.js';
import { bySamples, partsFor } from './samples.js';

function reshape(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const { shape } = node.outputs[0]!;
  if (x!.shape.join() === shape.join()) return [x!];
  const layout = reshapeLayout(x!.primary, x!.shape, shape);
  if (!layout) return [ctx.result(node, 0, ctx.emitter.reshape(x!.dense(), shape))];
  return [ctx.result(node, 0, ctx.emitter.reshape(x!.as(x!.primary), physicalShape(layout, shape)), layout)];
}

/** A permutation of a dense tensor moves nothing: the result is the same memory under another layout. */
function transpose(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const perm = numbersAttribute(node, 'perm');
  const source = isDense(x!.primary) ? x!.primary : identityLayout(x!.rank);
  const layout = denseLayout(source.perm.map((axis) => perm.indexOf(axis)));
  return [ctx.result(node, 0, x!.as(source), layout)];
}

/** Elementwise consumers broadcast by themselves; what is left for the others is written in the memory they ask for. */
function broadcast(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const { shape } = node.outputs[0]!;
  const { emitter } = ctx;
  const padded = [...new Array<number>(shape.length - x!.rank).fill(1), ...x!.shape];
  const lifted = ctx.wrap(padded, x!.dtype, emitter.reshape(x!.dense(), padded));
  const isImage = shape.length >= 4 && padded.some((side) => side !== 1);
  const layout = isImage ? channelFirstLayout(shape.length) : identityLayout(shape.length);
  const source = lifted.as(layout);
  const wanted = physicalShape(layout, shape);
  if (source.shape.join() === wanted.join()) return [ctx.result(node, 0, source, layout)];
  return [
    ctx.result(node, 0, emitter.node('Expand', [source, emitter.int64(wanted)], {}, wanted, source.dtype), layout),
  ];
}

/** Layout for an operation along some axes: the operand's own, unless it splits one of them. */
export function layoutKeeping(x: Lowered, axes: readonly number[]): Layout {
  return x.primary.splits.some((axis) => axes.includes(axis)) ? identityLayout(x.rank) : x.primary;
}

/** Batches of volumes one after the other stay in parts. */
function concatParts(ctx: LoweringContext, node: Node, inputs: readonly Lowered[]): Lowered | undefined {
  const { shape } = node.outputs[0]!;
  const size = shape[0]! / partsFor(ctx, shape);
  if (size === shape[0] || inputs.some((input) => input.shape[0]! % size > 0)) return undefined;
  return Lowered.ofParts(
    ctx.emitter,
    inputs.flatMap((input) => (input.shape[0] === 0 ? [] : input.parts(input.shape[0]! / size))),
  );
}

function concat(ctx: LoweringContext, node: Node, inputs: readonly Lowered[]): readonly Lowered[] {
  const axis = numberAttribute(node, 'axis');
  const parted = axis === 0 ? concatParts(ctx, node, inputs) : undefined;
  if (parted) return [parted];
  const { shape } = node.outputs[0]!;
  const layout = concatLayout(inputs, axis);
  const [physicalAxis] = physicalAxes(layout, axis);
  const parts = inputs.filter((input) => input.shape[axis] !== 0).map((input) => input.as(layout));
  if (parts.length === 1) return [ctx.result(node, 0, parts[0]!, layout)];
  const joined = ctx.emitter.node(
    'Concat',
    parts,
    { axis: physicalAxis! },
    physicalShape(layout, shape),
    parts[0]!.dtype,
  );
  return [ctx.result(node, 0, joined, layout)];
}

/** Blocked tensors are joined along channels block by block when every part is whole blocks. */
function concatLayout(inputs: readonly Lowered[], axis: number): Layout {
  const candidates = inputs.map((input) => input.primary);
  const split = candidates.find((layout) => layout.splits.length > 0);
  if (split) {
    const whole = inputs.every((input) => input.shape[axis]! % split.block === 0);
    if (!split.splits.includes(axis) || whole) return split;
    return identityLayout(inputs[0]!.rank);
  }
  return candidates.find((layout) => !isIdentity(layout)) ?? candidates[0]!;
}

/** Some samples of a batch that lies in parts, where they are whole parts. */
function sliceParts({ emitter }: LoweringContext, x: Lowered, begin: number, count: number): Lowered | undefined {
  const size = x.shape[0]! / x.partCount;
  if (x.partCount === 1 || count === 0 || begin % size > 0 || count % size > 0) return undefined;
  return Lowered.ofParts(emitter, x.parts(x.partCount).slice(begin / size, (begin + count) / size));
}

function slice(ctx: LoweringContext, node: Node, [x]: readonly Lowered[]): readonly Lowered[] {
  const begin = numbersAttribute(node, 'begin');
  const { shape } = node.outputs[0]!;
  const moved = x!.shape.flatMap((side, axis) => (begin[axis] !== 0 || shape[axis] !== side ? [axis] : []));
  if (moved.length === 0) return [ctx.result(node, 0, x!.as(x!.primary), x!.primary)];
  const parted = moved.length === 1 && moved[0] === 0 ? sliceParts(ctx, x!, begin[0]!, shape[0]!) : undefined;
  if (parted) return [parted];
  const layout = sliceLayout(x!, moved, begin, shape);
  const starts: number[] = [];
  const ends: number[] = [];
  const axes: number[] = [];
  for (const axis of moved) {
    const unit = layout.splits.includes(axis) ? layout.block : 1;
    axes.push(physicalAxes(layout, axis)[0]!);
    starts.push(begin[axis]! / unit);
    ends.push((begin[axis]! + shape[axis]!) / unit);
  }
  const source = x!.as(layout);
  const value = takesRuns(ctx, source, axes, starts, ends)
    ? takeAt(ctx, source, axes[0]!, range(starts[0]!, ends[0]!))
    : emitSlice(ctx, source, starts, ends, axes);
  return [ctx.result(node, 0, value, layout)];
}

/** Elements behind a position from which ONNX Runtime's Gather, which uses all threads, is faster than its Slice. */
const LONG_RUN = 4096;

/** A slice of few long runs along one axis: the channels of a concatenation in blocked memory. */
function takesRuns(
  ctx: LoweringContext,
  x: Emitted,
  axes: readonly number[],
  starts: readonly number[],
  ends: readonly number[],
): boolean {
  if (ctx.target.provider !== 'cpu' || axes.length !== 1) return false;
  return product(x.shape.slice(axes[0]! + 1)) >= LONG_RUN && ends[0]! - starts[0]! <= LONG_RUN;
}

function sliceLayout(x: Lowered, moved: readonly number[], begin: readonly number[], shape: readonly number[]): Layout {
  const { primary } = x;
  const whole = moved.every(
    (axis) =>
      !primary.splits.includes(axis) || (begin[axis]! % primary.block === 0 && shape[axis]! % primary.block === 0),
  );
  return whole ? primary : identityLayout(x.rank);
}

export function emitSlice(
  ctx: LoweringContext,
  x: Emitted,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[],
): Emitted {
  const { emitter } = ctx;
  const shape = [...x.shape];
  axes.forEach((axis, index) => {
    shape[axis] = ends[index]! - starts[index]!;
  });
  const inputs = [x, emitter.int64(starts), emitter.int64(ends), emitter.int64(axes)];
  return emitter.node('Slice', inputs, {}, shape, x.dtype);
}

export const shapeLowerings: LoweringTable = {
  Reshape: reshape,
  Transpose: transpose,
  Broadcast: broadcast,
  Concat: bySamples(concat, 'all', ({ attributes: { axis } }) => axis !== 0),
  Slice: slice,
};
