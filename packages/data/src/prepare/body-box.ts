import type { BodyCrop, Index3 } from '@dinomix/core';
import { type Box, boundingBox, largestComponent, resizeNearest, type Volume } from '@dinomix/volume';

/** Longest side of the copy in which the body is looked for: its outline needs no more, and memory stays small. */
const COARSE = 128;

/**
 * Returns the bounding box of the largest connected part of a volume above a threshold, with a margin; null where nothing
 * is above it, or nothing would be cut away.
 *
 * @remarks The part is looked for on every n-th voxel; the box is widened by n voxels on each side for it.
 */
export function bodyBox(volume: Volume, { above, margin }: BodyCrop): Box | null {
  const coarseShape = volume.shape.map((size) => Math.min(size, COARSE)) as unknown as Index3;
  const coarse = resizeNearest(volume, coarseShape, { rule: 'nearest-exact' });
  const mask = Uint8Array.from(coarse.data, (value) => (value > above ? 1 : 0));
  const found = boundingBox(largestComponent(mask, coarseShape, 6), coarseShape);
  if (found === undefined) return null;
  const sides = volume.shape.map((size, axis) => {
    const step = size / coarseShape[axis]!;
    const reach = (step > 1 ? step : 0) + margin / volume.spacing[axis]!;
    const from = Math.max(0, Math.floor(found.offset[axis]! * step - reach));
    const to = Math.min(size, Math.ceil((found.offset[axis]! + found.shape[axis]!) * step + reach));
    return [from, to - from] as const;
  });
  const offset = sides.map(([from]) => from) as unknown as Index3;
  const shape = sides.map(([, length]) => length) as unknown as Index3;
  return shape.every((size, axis) => size === volume.shape[axis]) ? null : { offset, shape };
}
