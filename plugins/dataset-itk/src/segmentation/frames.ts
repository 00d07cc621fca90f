import type { Triple } from '@dinomix/volume';

/** One frame of a segmentation: a segment in a slice. */
export interface SegmentFrame {
  readonly segment: number;
  readonly slice: number;
}

/** The frames that hold anything, by segment and slice, and their bits. */
export interface PackedFrames {
  readonly frames: readonly SegmentFrame[];
  /** One bit per pixel, lowest first, frame after frame without padding between them (PS3.5 8.1.1). */
  readonly bits: Uint8Array;
}

function framesOf(labels: Uint8Array, [depth, height, width]: Triple, segments: number): SegmentFrame[] {
  const area = height * width;
  const slices = Array.from({ length: segments + 1 }, (): number[] => []);
  for (let slice = 0; slice < depth; slice++) {
    const present = new Uint8Array(256);
    for (const label of labels.subarray(slice * area, (slice + 1) * area)) present[label] = 1;
    for (let segment = 1; segment <= segments; segment++) if (present[segment] === 1) slices[segment]!.push(slice);
  }
  const found = slices.flatMap((list, segment) => list.map((slice) => ({ segment, slice })));
  // An image has at least one frame: an empty segmentation gets an empty one.
  return found.length > 0 ? found : [{ segment: 1, slice: 0 }];
}

/**
 * Packs class indices [d, h, w] into the frames of a binary segmentation: one for each segment and slice that it touches.
 *
 * @param segments - classes without the background
 */
export function packFrames(labels: Uint8Array, shape: Triple, segments: number): PackedFrames {
  const frames = framesOf(labels, shape, segments);
  const area = shape[1] * shape[2];
  const bits = new Uint8Array(Math.ceil((frames.length * area) / 8));
  let bit = 0;
  for (const { segment, slice } of frames) {
    const start = slice * area;
    for (let index = start; index < start + area; index++, bit++) {
      if (labels[index] === segment) bits[bit >>> 3]! |= 1 << (bit & 7);
    }
  }
  return { frames, bits };
}
