import { type Box, boundingBox, copyBox } from './crop.js';
import { distanceTransform } from './distance-transform.js';
import { type Connectivity, neighbourOffsets } from './neighbourhood.js';
import { assertShape, type Triple, type VoxelArray, voxelCount } from './volume.js';

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
 * @remarks Exact: the distance transform is taken over the common bounding box only, which holds both surfaces.
 */
export function surfaceDistances(
  first: VoxelArray,
  second: VoxelArray,
  shape: Triple,
  options: SurfaceDistanceOptions = {},
): SurfaceDistances | undefined {
  const connectivity = options.connectivity ?? 6;
  const boxes = [boundingBox(first, shape), boundingBox(second, shape)] as const;
  if (boxes[0] === undefined || boxes[1] === undefined) return undefined;
  const box = unionBox(boxes[0], boxes[1]);
  const surfaces = [first, second].map((mask) => {
    // Outside of the box both masks are empty, which is what lies beyond a volume's border.
    const part = new Uint8Array(voxelCount(box.shape));
    copyBox(toMask(mask), shape, box, part);
    return extractSurface(part, box.shape, connectivity);
  }) as [Uint8Array, Uint8Array];
  return {
    firstToSecond: directedDistances(surfaces[0], surfaces[1], box.shape, options.spacing),
    secondToFirst: directedDistances(surfaces[1], surfaces[0], box.shape, options.spacing),
  };
}

function unionBox(first: Box, second: Box): Box {
  const offset = first.offset.map((low, axis) => Math.min(low, second.offset[axis]!)) as unknown as Triple;
  const end = (box: Box, axis: number) => box.offset[axis]! + box.shape[axis]!;
  const shape = offset.map((low, axis) => Math.max(end(first, axis), end(second, axis)) - low) as unknown as Triple;
  return { offset, shape };
}

function toMask(values: VoxelArray): Uint8Array {
  if (values instanceof Uint8Array) return values;
  const mask = new Uint8Array(values.length);
  for (let index = 0; index < mask.length; index++) mask[index] = values[index] === 0 ? 0 : 1;
  return mask;
}

function directedDistances(from: Uint8Array, to: Uint8Array, shape: Triple, spacing: Triple = [1, 1, 1]): Float64Array {
  const awayFromSurface = to.map((isSurface) => 1 - isSurface);
  const field = distanceTransform(awayFromSurface, shape, { spacing, squared: true });
  let count = 0;
  for (let index = 0; index < from.length; index++) if (from[index] === 1) field[count++] = Math.sqrt(field[index]!);
  return field.slice(0, count);
}
