import type { Axis, Index3, InferenceSettings, WindowLook } from '@dinomix/core';
import { copyBox, voxelCount } from '@dinomix/volume';
import { windowStarts, windowStride } from './windows.js';

/** Every look at a volume, and the first voxels of the windows along each axis. */
export interface Looks {
  readonly looks: readonly WindowLook[];
  readonly starts: readonly [z: readonly number[], y: readonly number[], x: readonly number[]];
  /** Looks at each window: one for each subset of the mirrored axes. */
  readonly ways: number;
}

/** Every subset of the axes that are mirrored, the unmirrored look first. */
export function mirrorings(axes: readonly Axis[]): readonly WindowLook['mirrored'][] {
  const distinct = [...new Set(axes)];
  return Array.from({ length: 2 ** distinct.length }, (_, subset) => {
    const mirrored: [boolean, boolean, boolean] = [false, false, false];
    distinct.forEach((axis, bit) => {
      mirrored[axis] = (subset & (1 << bit)) !== 0;
    });
    return mirrored;
  });
}

/** Lays the windows over a volume of `shape`. All looks of one mirroring follow each other: networks prepare for it once. */
export function layLooks(
  shape: Index3,
  options: Pick<InferenceSettings, 'stride' | 'overlap' | 'mirror'> & { readonly patch: Index3 },
): Looks {
  const { patch, mirror } = options;
  const stride = windowStride(patch, options);
  const along = (axis: 0 | 1 | 2) => windowStarts(shape[axis], patch[axis], stride[axis]);
  const starts = [along(0), along(1), along(2)] as const;
  const [startsZ, startsY, startsX] = starts;
  const mirrored = mirrorings(mirror);
  const looks = mirrored.flatMap((way) =>
    startsZ.flatMap((z) =>
      startsY.flatMap((y) => startsX.map((x): WindowLook => ({ origin: [z, y, x], mirrored: way }))),
    ),
  );
  return { looks, starts, ways: mirrored.length };
}

/** Cuts windows `[n, d, h, w]` out of a volume, `padValue` outside of it. */
export function cutWindows(
  volume: { readonly shape: Index3; readonly image: Float32Array },
  looks: readonly WindowLook[],
  patch: Index3,
  padValue: number,
): Float32Array {
  const size = voxelCount(patch);
  const windows = new Float32Array(looks.length * size);
  looks.forEach(({ origin }, index) => {
    const window = windows.subarray(index * size, (index + 1) * size);
    copyBox(volume.image, volume.shape, { offset: origin, shape: patch }, window, padValue);
  });
  return windows;
}
