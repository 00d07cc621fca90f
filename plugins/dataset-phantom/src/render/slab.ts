import type { Triple } from '@dinomix/volume';
import type { Bounds } from '../shapes/solid.js';
import type { Displacement } from './displacement.js';
import type { Hit, Scene } from './scene.js';

/** Where the voxels of a phantom lie in the patient frame: mm, order z, y, x. */
export interface Placement {
  readonly shape: Triple;
  readonly spacing: Triple;
  /** Centre of the voxel [0, 0, 0]. */
  readonly origin: Triple;
  /** Size of the patient relative to the reference body. */
  readonly scale: Triple;
}

/** A box of voxels in a slab, `low` to `high` - 1, and the scene as it matters there. */
export interface Block {
  readonly low: Triple;
  readonly high: Triple;
  readonly scene: Scene;
}

/** Some slices of a phantom with one voxel more on every side, and what lies at the voxels' centres. */
export interface Slab {
  /** Voxels [d, h, w] with the border. */
  readonly shape: Triple;
  /** Number of the part; 0 is air. */
  readonly part: Uint16Array;
  /** Number of the material; 0 is air. */
  readonly material: Uint8Array;
  /** The voxels' places in the reference body, mm. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly z: Float32Array;
  readonly blocks: readonly Block[];
}

/** Sides of a block in mm: few parts of the body reach into one. */
const BLOCK_SIDE = 44;

/** Paints slices `first` to `first + count - 1`: finds what lies at the centre of each voxel. */
export function paintSlab(
  scene: Scene,
  placement: Placement,
  displacement: Displacement,
  first: number,
  count: number,
): Slab {
  const shape: Triple = [count + 2, placement.shape[1] + 2, placement.shape[2] + 2];
  const size = shape[0] * shape[1] * shape[2];
  const slab = {
    shape,
    part: new Uint16Array(size),
    material: new Uint8Array(size),
    x: new Float32Array(size),
    y: new Float32Array(size),
    z: new Float32Array(size),
  };
  locate(placement, displacement, first, slab);
  const blocks = blockCorners(shape, placement.spacing).map(([low, high]): Block => {
    const local = scene.near(boxAround(slab, low, high, placement));
    paintBlock(slab, low, high, local);
    return { low, high, scene: local };
  });
  return { ...slab, blocks };
}

type Places = Pick<Slab, 'shape' | 'x' | 'y' | 'z'>;

function locate({ spacing, origin, scale }: Placement, displacement: Displacement, first: number, slab: Places): void {
  const [depth, height, width] = slab.shape;
  const x0 = origin[2] - spacing[2];
  for (let k = 0; k < depth; k++) {
    const z = origin[0] + (first + k - 1) * spacing[0];
    const shift = displacement.plane(z);
    for (let j = 0; j < height; j++) {
      const y = origin[1] + (j - 1) * spacing[1];
      const at = (k * height + j) * width;
      shift(y, x0, spacing[2], width, slab, at);
      for (let index = at; index < at + width; index++) {
        slab.x[index] = slab.x[index]! + (x0 + (index - at) * spacing[2]) / scale[2];
        slab.y[index] = slab.y[index]! + y / scale[1];
        slab.z[index] = slab.z[index]! + z / scale[0];
      }
    }
  }
}

function blockCorners(shape: Triple, spacing: Triple): (readonly [low: Triple, high: Triple])[] {
  const cuts = shape.map((size, axis) => {
    const step = Math.max(4, Math.round(BLOCK_SIDE / spacing[axis]!));
    return Array.from({ length: Math.ceil(size / step) }, (_, index): readonly [number, number] => [
      index * step,
      Math.min(size, (index + 1) * step),
    ]);
  });
  return cuts[0]!.flatMap(([z0, z1]) =>
    cuts[1]!.flatMap(([y0, y1]) =>
      cuts[2]!.map(([x0, x1]): readonly [Triple, Triple] => [
        [z0, y0, x0],
        [z1, y1, x1],
      ]),
    ),
  );
}

/** The box in the reference body that holds the voxels of a block with their corners. */
function boxAround(slab: Places, low: Triple, high: Triple, { spacing, scale }: Placement): Bounds {
  const [, height, width] = slab.shape;
  const range = (values: Float32Array, axis: 0 | 1 | 2): readonly [number, number] => {
    let lowest = Number.POSITIVE_INFINITY;
    let highest = Number.NEGATIVE_INFINITY;
    for (let k = low[0]; k < high[0]; k++) {
      for (let j = low[1]; j < high[1]; j++) {
        const row = (k * height + j) * width;
        for (let index = row + low[2]; index < row + high[2]; index++) {
          lowest = Math.min(lowest, values[index]!);
          highest = Math.max(highest, values[index]!);
        }
      }
    }
    const half = (0.51 * spacing[axis]) / scale[axis];
    return [lowest - half, highest + half];
  };
  const [rangeX, rangeY, rangeZ] = [range(slab.x, 2), range(slab.y, 1), range(slab.z, 0)];
  return { low: [rangeX[0], rangeY[0], rangeZ[0]], high: [rangeX[1], rangeY[1], rangeZ[1]] };
}

function paintBlock(slab: Omit<Slab, 'blocks'>, low: Triple, high: Triple, scene: Scene): void {
  const [, height, width] = slab.shape;
  const { x, y, z, part, material } = slab;
  const hit: Hit = { part: 0, material: 0 };
  for (let k = low[0]; k < high[0]; k++) {
    for (let j = low[1]; j < high[1]; j++) {
      const row = (k * height + j) * width;
      for (let index = row + low[2]; index < row + high[2]; index++) {
        scene.at(x[index]!, y[index]!, z[index]!, hit);
        part[index] = hit.part;
        material[index] = hit.material;
      }
    }
  }
}
