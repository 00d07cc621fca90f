import { type GridPoints, gridPoints, nearestDistances } from './nearest-points.js';
import { type Connectivity, neighbourOffsets } from './neighbourhood.js';
import type { Triple } from './triple.js';
import { assertShape, type VoxelArray, voxelCount } from './volume.js';

/** How to measure between surfaces. */
export interface SurfaceDistanceOptions {
  /** Millimetres between voxels [z, y, x]. Default 1, so that distances count voxels. */
  readonly spacing?: Triple;
  /** Neighbourhood that decides what a surface voxel is. Default 6. */
  readonly connectivity?: Connectivity;
}

/** Distances between the surfaces of two masks: one number for each surface voxel, in memory order. */
export interface SurfaceDistances {
  /** From each surface voxel of the first mask to the nearest of the second. */
  readonly firstToSecond: Float64Array;
  readonly secondToFirst: Float64Array;
}

/**
 * Returns a mask of 0 and 1 with the voxels of `mask` [d, h, w] that have a neighbour outside of it. Beyond the volume's
 * border all is outside.
 *
 * @remarks The mask without its binary erosion: the surface that MedPy and MONAI measure from, at connectivity 6.
 */
export function extractSurface(mask: VoxelArray, shape: Triple, connectivity: Connectivity = 6): Uint8Array {
  assertShape(shape);
  const [depth, height, width] = shape;
  const surface = new Uint8Array(voxelCount(shape));
  const offsets = neighbourOffsets(connectivity, width, height * width);
  for (let z = 0, index = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      const isEdge = z === 0 || z === depth - 1 || y === 0 || y === height - 1;
      for (let x = 0; x < width; x++, index++) {
        if (mask[index] === 0) continue;
        if (isEdge || x === 0 || x === width - 1) surface[index] = 1;
        else {
          for (let o = 0; o < offsets.length; o++) {
            if (mask[index + offsets[o]!] !== 0) continue;
            surface[index] = 1;
            break;
          }
        }
      }
    }
  }
  return surface;
}

/**
 * Returns the distances between the surfaces of two masks [d, h, w], both ways: the raw numbers of average surface
 * distance, Hausdorff percentiles and surface Dice. Undefined if either mask is empty, where no distance exists.
 *
 * @remarks Exact; see {@link nearestDistances}.
 */
export function surfaceDistances(
  first: VoxelArray,
  second: VoxelArray,
  shape: Triple,
  options: SurfaceDistanceOptions = {},
): SurfaceDistances | undefined {
  const [from, to] = [surfacePoints(first, shape, options), surfacePoints(second, shape, options)];
  if (from === undefined || to === undefined) return undefined;
  return {
    firstToSecond: nearestDistances(from, to, options.spacing),
    secondToFirst: nearestDistances(to, from, options.spacing),
  };
}

function surfacePoints(
  mask: VoxelArray,
  shape: Triple,
  { connectivity }: SurfaceDistanceOptions,
): GridPoints | undefined {
  return labelPoints(extractSurface(mask, shape, connectivity), shape, 2, () => true)[1];
}

/**
 * Returns for each class the surface voxels of a label map [d, h, w]: those with a voxel of another class, or the volume's
 * border, behind one of their six faces. Undefined for the background and for classes without a voxel.
 *
 * @remarks One pass over the volume for all classes; by class the same voxels as {@link extractSurface}.
 */
export function labelSurfaces(labels: Uint8Array, shape: Triple, classCount: number): (GridPoints | undefined)[] {
  assertShape(shape);
  const [depth, height, width] = shape;
  const area = height * width;
  return labelPoints(labels, shape, classCount, (index, z, y, x) => {
    if (z === 0 || z === depth - 1 || y === 0 || y === height - 1 || x === 0 || x === width - 1) return true;
    const own = labels[index];
    return (
      labels[index - 1] !== own ||
      labels[index + 1] !== own ||
      labels[index - width] !== own ||
      labels[index + width] !== own ||
      labels[index - area] !== own ||
      labels[index + area] !== own
    );
  });
}

/** The voxels of each class above 0 that are chosen. */
function labelPoints(
  labels: Uint8Array,
  [depth, height, width]: Triple,
  classCount: number,
  isChosen: (index: number, z: number, y: number, x: number) => boolean,
): (GridPoints | undefined)[] {
  let found = new Int32Array(1 << 14);
  let count = 0;
  const counts = new Int32Array(classCount);
  for (let z = 0, index = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, index++) {
        const label = labels[index]!;
        if (label === 0 || label >= classCount || !isChosen(index, z, y, x)) continue;
        if (count === found.length) {
          const larger = new Int32Array(2 * count);
          larger.set(found);
          found = larger;
        }
        found[count++] = index;
        counts[label]!++;
      }
    }
  }
  const coordinates = Array.from(counts, (size) => new Int32Array(3 * size));
  const ends = new Int32Array(classCount);
  for (const index of found.subarray(0, count)) {
    const label = labels[index]!;
    const row = Math.floor(index / width);
    const own = coordinates[label]!;
    own[ends[label]!++] = Math.floor(row / height);
    own[ends[label]!++] = row % height;
    own[ends[label]!++] = index % width;
  }
  return coordinates.map((places) => (places.length > 0 ? gridPoints(places) : undefined));
}
