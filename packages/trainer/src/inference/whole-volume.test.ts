import type { Axis, Index3, WindowLook } from '@dinomix/core';
import { voxelCount } from '@dinomix/volume';
import { describe, expect, it } from 'vitest';
import { WholeScores } from '../../test/whole-scores.js';
import { mirrorings } from './looks.js';
import { type SlidingWindowOptions, slidingWindow, type WindowNetwork } from './sliding-window.js';
import { weightSums, windowImportance, windowStarts, windowWeights } from './windows.js';

const CLASSES = 3;

/** Probabilities that depend on the intensity, on its neighbour and on the place in the window. */
function say(window: Float32Array): Float32Array {
  const said = new Float32Array(window.length * CLASSES);
  window.forEach((value, at) => {
    const logits = [value, window[at + 1] ?? 0, Math.sin(0.37 * at)].map((x) => Math.exp(2 * x));
    const sum = logits.reduce((total, term) => total + term);
    logits.forEach((term, index) => {
      said[at * CLASSES + index] = term / sum;
    });
  });
  return said;
}

const network: WindowNetwork = {
  output: 'probabilities',
  async run(x, shape) {
    const size = x.length / shape[0];
    const data = new Float32Array(x.length * CLASSES);
    for (let at = 0; at < x.length; at += size) data.set(say(x.slice(at, at + size)), at * CLASSES);
    return { data, shape: [...shape.slice(0, 4), CLASSES] };
  },
};

/** Every voxel of a window: its index in the volume, and its index in what the network is shown. */
function voxelsOf({ origin, mirrored }: WindowLook, patch: Index3, shape: Index3) {
  const found: { inVolume: number; own: number; shown: number }[] = [];
  for (let own = 0; own < voxelCount(patch); own++) {
    const at = [Math.floor(own / (patch[1] * patch[2])), Math.floor(own / patch[2]) % patch[1], own % patch[2]];
    const [sz, sy, sx] = at.map((place, axis) => (mirrored[axis] ? patch[axis]! - 1 - place : place));
    const [z, y, x] = at.map((place, axis) => place + origin[axis]!);
    const isInside = [z, y, x].every((place, axis) => place! >= 0 && place! < shape[axis]!);
    const inVolume = isInside ? (z! * shape[1] + y!) * shape[2] + x! : -1;
    found.push({ inVolume, own, shown: (sz! * patch[1] + sy!) * patch[2] + sx! });
  }
  return found;
}

/** Sums over the whole volume at once, look by look. */
function wholeSums(image: Float32Array, shape: Index3, options: SlidingWindowOptions, looks: readonly WindowLook[]) {
  const { patch, blending } = options;
  const importance = windowImportance(patch, blending);
  const sums = new Float32Array(image.length * CLASSES);
  for (const look of looks) {
    const voxels = voxelsOf(look, patch, shape);
    const window = new Float32Array(voxels.length).fill(options.padValue);
    for (const { inVolume, shown } of voxels) if (inVolume >= 0) window[shown] = image[inVolume]!;
    const said = say(window);
    for (const { inVolume, own, shown } of voxels) {
      if (inVolume < 0) continue;
      for (let index = 0; index < CLASSES; index++) {
        sums[inVolume * CLASSES + index]! += (importance?.[own] ?? 1) * said[shown * CLASSES + index]!;
      }
    }
  }
  return sums;
}

/** Labels of the largest sum, the first of equals. */
function labelsOf(sums: Float32Array): number[] {
  return Array.from({ length: sums.length / CLASSES }, (_, voxel) => {
    const values = [...sums.subarray(voxel * CLASSES, (voxel + 1) * CLASSES)];
    return values.indexOf(Math.max(...values));
  });
}

/** Sums over the weights of all looks at a voxel, which are products of those along the axes. */
function averages(sums: Float32Array, shape: Index3, options: SlidingWindowOptions): Float32Array {
  const { patch, blending, stride, mirror } = options;
  const [z, y, x] = shape.map((size, axis) => {
    const starts = windowStarts(size, patch[axis]!, stride![axis]!);
    return weightSums(size, starts, windowWeights(patch[axis]!, blending));
  }) as [Float64Array, Float64Array, Float64Array];
  const ways = 2 ** mirror.length;
  return sums.map((sum, at) => {
    const voxel = Math.floor(at / CLASSES);
    const [row, column] = [Math.floor(voxel / shape[2]), voxel % shape[2]];
    return sum * (1 / (z[Math.floor(row / shape[1])]! * y[row % shape[1]]! * x[column]! * ways));
  });
}

const bits = (values: Float32Array) => new Uint32Array(values.buffer);

/** Looks with the depth before the mirroring, and with the mirroring before the depth. */
function looksOf(shape: Index3, { patch, stride, mirror }: SlidingWindowOptions) {
  const starts = [0, 1, 2].map((axis) => windowStarts(shape[axis]!, patch[axis]!, stride![axis]!));
  const plane = (z: number, mirrored: WindowLook['mirrored']) =>
    starts[1]!.flatMap((y) => starts[2]!.map((x): WindowLook => ({ origin: [z, y, x], mirrored })));
  const ways = mirrorings(mirror);
  return {
    depthFirst: starts[0]!.flatMap((z) => ways.flatMap((way) => plane(z, way))),
    mirrorFirst: ways.flatMap((way) => starts[0]!.flatMap((z) => plane(z, way))),
  };
}

const PATCH: Index3 = [4, 8, 4];
const strideOf = (overlap: number) => PATCH.map((side) => side * (1 - overlap)) as unknown as Index3;

const VOLUMES: readonly (readonly [string, Index3])[] = [
  ['odd', [9, 15, 7]],
  ['whole strides', [8, 12, 6]],
  ['flatter than the window', [3, 13, 9]],
  ['smaller than the window', [3, 7, 3]],
  ['one window', [4, 8, 4]],
];
const WAYS: readonly (readonly [SlidingWindowOptions['blending'], readonly Axis[], number])[] = [
  ['uniform', [], 1],
  ['gaussian', [], 3],
  ['gaussian', [0], 2],
  ['uniform', [0, 1, 2], 5],
];

describe.each(VOLUMES)('a slab moved through a volume, %s %o', (_name, shape) => {
  const image = Float32Array.from({ length: voxelCount(shape) }, (_, index) => Math.sin(index * 12.9898));
  const cases = [0, 0.5, 0.75].flatMap((overlap) => WAYS.map((way) => [overlap, ...way] as const));

  it.each(cases)(
    'gives the bits of whole sums: overlap %d, %s, mirrored along %o, batch %i',
    async (overlap, ...way) => {
      const [blending, mirror, batch] = way;
      const stride = strideOf(overlap).map(Math.floor) as unknown as Index3;
      const given = { patch: PATCH, stride, overlap, blending, batch, mirror, classCount: CLASSES, padValue: -1 };
      const { depthFirst, mirrorFirst } = looksOf(shape, given);
      const sums = wholeSums(image, shape, given, depthFirst);
      const labels = labelsOf(sums);
      const probabilities = bits(averages(sums, shape, given));
      // 64 bytes a voxel: one tile, several, and tiles of less than a stride.
      for (const mostSumBytes of [Number.POSITIVE_INFINITY, 64 * 4 * 10 * 7, 64 * 4 * 4 * 3]) {
        const scores = new WholeScores(shape, CLASSES, mostSumBytes < 64 * 4 * 20 ? 1 : 0);
        await slidingWindow({ shape, image }, network, { ...given, mostSumBytes }, [scores]);
        expect([...scores.labels]).toEqual(labels);
        expect(bits(scores.probabilities)).toEqual(probabilities);
      }
      // Before slabs, all windows of one mirroring came before those of the next.
      expect(labels).toEqual(labelsOf(wholeSums(image, shape, given, mirrorFirst)));
      expect(new Set(labels).size).toBe(CLASSES);
    },
  );
});
