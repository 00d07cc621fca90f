/**
 * Convolutions whose transforms along depth are large go some samples at a time, so that only one part of the transforms is
 * in memory at once.
 */
import type { LoweringContext } from './context.js';
import type { ConvGeometry } from './conv-geometry.js';
import type { Sides } from './conv-planes.js';
import { tilingOf } from './conv-winograd.js';
import type { Emitted } from './emitter.js';
import { takeAt } from './primitives.js';

/** Bytes of transforms from which on a convolution is parted; smaller ones are faster whole. */
const LARGE_TRANSFORM = 2 ** 28;

/** Parts of equal numbers of samples, for transforms of `channels` channels. */
export function partsOf({ batch, input: [depth, height, width] }: ConvGeometry, channels: number): number {
  const { tiles, components } = tilingOf(depth!);
  const bytes = 4 * tiles * components * channels * height! * width!;
  for (let parts = 1; parts < batch; parts++) {
    if (batch % parts === 0 && (bytes * batch) / parts <= LARGE_TRANSFORM) return parts;
  }
  return batch;
}

/** The planes of one part of the samples, of memory [b * d * c/B, h, w * B]. */
export function samplesOf(ctx: LoweringContext, planes: Emitted, part: number, parts: number): Emitted {
  const rows = planes.shape[0]! / parts;
  if (parts === 1) return planes;
  const positions = Array.from({ length: rows }, (_, index) => part * rows + index);
  return takeAt(ctx, planes, 0, positions);
}

/** What `convolve` makes of each part, [d-th planes of its samples, ...], one after the other. */
export function inParts(
  ctx: LoweringContext,
  s: Sides,
  parts: number,
  convolve: (part: number, sides: Sides) => Emitted,
): Emitted {
  const sides = { ...s, batch: s.batch / parts };
  const results = Array.from({ length: parts }, (_, part) => convolve(part, sides));
  if (parts === 1) return results[0]!;
  const [first, ...rest] = results[0]!.shape as [number, ...number[]];
  return ctx.emitter.node('Concat', results, { axis: 0 }, [first * parts, ...rest]);
}
