/**
 * Filter gradients of large planes, strip by strip of rows: a plane of dy is read several times as the kernel of a
 * convolution, and has to stay in the cache meanwhile with the rows of x under it.
 */
import type { LoweringContext } from './context.js';
import { type ConvGeometry, product } from './conv-geometry.js';
import type { Margin } from './conv-planes.js';
import { tilingOf } from './conv-winograd.js';
import type { Emitted } from './emitter.js';
import { takeAt } from './primitives.js';

/** Output channels that the internal convolutions compute at a time, in blocks. */
const BLOCKS_AT_A_TIME = 4;
/** Bytes of a plane of dy with its plane of x that slow down no more by their size. */
const PLANE_BYTES = 1_500_000;
/** Bytes of dy in a strip. */
const STRIP_BYTES = 524_288;

/** Strips of rows of every plane; 1 where planes are small, or their groups are none that the operators take. */
export function stripsOf(ctx: LoweringContext, g: ConvGeometry): number {
  const { block } = ctx.target;
  const [depth, height, width] = g.input as [number, number, number];
  const atATime = Math.min(g.outChannels / block, BLOCKS_AT_A_TIME);
  const rowBytes = 4 * width * block;
  if (height * rowBytes * (atATime + 1) <= PLANE_BYTES) return 1;
  const { tiles, components } = tilingOf(depth);
  const planes = g.batch * tiles * components;
  for (let strips = 2; strips < height; strips++) {
    const isWhole = height % strips === 0 && (planes * strips) % block === 0;
    if (isWhole && (height / strips) * rowBytes * atATime <= STRIP_BYTES) return strips;
  }
  return 1;
}

/** What the strips read around the planes of x: zero columns, and a zero row that stands in for those outside. */
export function marginOf(ctx: LoweringContext, g: ConvGeometry): Margin {
  return { below: stripsOf(ctx, g) > 1 ? 1 : 0, columns: 1 };
}

/** Planes [b * d * c/B, h, w * B] in the order [b, d, strips, c/B]. */
export function stripPlanes(ctx: LoweringContext, planes: Emitted, g: ConvGeometry, strips: number): Emitted {
  const { emitter } = ctx;
  const [count, height, row] = planes.shape as [number, number, number];
  if (strips === 1) return planes;
  const volumes = g.batch * g.input[0]!;
  const blocks = count / volumes;
  const parted = emitter.reshape(planes, [volumes, blocks * strips, (height / strips) * row]);
  const order = Array.from(
    { length: blocks * strips },
    (_, index) => (index % blocks) * strips + Math.floor(index / blocks),
  );
  const ordered = blocks === 1 ? parted : takeAt(ctx, parted, 1, order);
  return emitter.reshape(ordered, [count * strips, height / strips, row]);
}

/**
 * Strips of the planes of x with the row above and the row below each, [c/B, b * components * strips, rows + 2, columns].
 *
 * @param input [b, components, c/B, h + 1, columns], the last row zero
 */
export function stripImages(ctx: LoweringContext, input: Emitted, strips: number): Emitted {
  const { emitter } = ctx;
  const [batch, components, blocks, below, columns] = input.shape as [number, number, number, number, number];
  const height = below - 1;
  const rows = height / strips;
  const groups = batch * components;
  const indices: number[] = [];
  for (let block = 0; block < blocks; block++) {
    for (let group = 0; group < groups; group++) {
      const start = (group * blocks + block) * below;
      for (let strip = 0; strip < strips; strip++) {
        for (let row = strip * rows - 1; row <= (strip + 1) * rows; row++) {
          indices.push(start + (row < 0 ? height : row));
        }
      }
    }
  }
  const flat = emitter.reshape(input, [product(input.shape) / columns, columns]);
  return emitter.reshape(takeAt(ctx, flat, 0, indices), [blocks, groups * strips, rows + 2, columns]);
}
