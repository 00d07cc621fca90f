/** Reading windows of a tensor and putting them back, by slices and padding: operations that every provider has. */
import type { LoweringContext } from './context.js';
import type { Emitted } from './emitter.js';

/** `value` around the given axes; negative amounts crop. */
export function padOrCrop(
  ctx: LoweringContext,
  x: Emitted,
  axes: readonly number[],
  before: readonly number[],
  after: readonly number[],
  value = 0,
): Emitted {
  const starts = before.map((side) => Math.max(0, -side));
  const ends = after.map((side, index) => x.shape[axes[index]!]! - Math.max(0, -side));
  const cropped = strided(ctx, x, axes, starts, ends);
  const pads = new Array<number>(2 * x.shape.length).fill(0);
  axes.forEach((axis, index) => {
    pads[axis] = Math.max(0, before[index]!);
    pads[axis + x.shape.length] = Math.max(0, after[index]!);
  });
  if (pads.every((side) => side === 0)) return cropped;
  const { emitter } = ctx;
  const shape = cropped.shape.map((side, axis) => side + pads[axis]! + pads[axis + x.shape.length]!);
  return emitter.node('Pad', [cropped, emitter.int64(pads), emitter.float(value)], {}, shape);
}

/** Every `steps`-th element from `starts` to before `ends`. */
export function strided(
  ctx: LoweringContext,
  x: Emitted,
  axes: readonly number[],
  starts: readonly number[],
  ends: readonly number[],
  steps: readonly number[] = axes.map(() => 1),
): Emitted {
  const { emitter } = ctx;
  const shape = [...x.shape];
  axes.forEach((axis, index) => {
    shape[axis] = Math.ceil((ends[index]! - starts[index]!) / steps[index]!);
  });
  if (shape.join() === x.shape.join()) return x;
  const inputs = [x, emitter.int64(starts), emitter.int64(ends), emitter.int64(axes), emitter.int64(steps)];
  return emitter.node('Slice', inputs, {}, shape);
}

/** All positions of a kernel, last axis fastest. */
export function tapsOf(kernel: readonly number[]): number[][] {
  let taps: number[][] = [[]];
  for (const side of kernel) {
    taps = taps.flatMap((tap) => Array.from({ length: side }, (_, position) => [...tap, position]));
  }
  return taps;
}

/** [b, c, ...sides] with zeros between the elements: [b, c, ...(sides - 1) * strides + 1]. */
export function spreadApart(ctx: LoweringContext, x: Emitted, strides: readonly number[]): Emitted {
  const { emitter } = ctx;
  const [batch, channels, ...sides] = x.shape as [number, number, ...number[]];
  const apart = emitter.reshape(x, [batch, channels, ...sides.flatMap((side) => [side, 1])]);
  const gaps = strides.map((_, axis) => 2 * axis + 3);
  const none = gaps.map(() => 0);
  const spread = padOrCrop(
    ctx,
    apart,
    gaps,
    none,
    strides.map((stride) => stride - 1),
  );
  const grown = sides.map((side, axis) => side * strides[axis]!);
  const flat = emitter.reshape(spread, [batch, channels, ...grown]);
  const spatial = strides.map((_, axis) => axis + 2);
  return padOrCrop(
    ctx,
    flat,
    spatial,
    none,
    strides.map((stride) => 1 - stride),
  );
}
