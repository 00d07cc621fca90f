import { valueNoise } from '../shapes/noise.js';
import type { SmoothNoise } from '../shapes/solid.js';
import type { Scene } from './scene.js';
import type { Block, Placement, Slab } from './slab.js';

/** Sizes of the two textures in mm. */
const FINE = 6;
const COARSE = 15;
/** Samples of an edge voxel lie about this far apart, mm; there are 2 or 3 along each axis. */
const SAMPLE_STEP = 2.5;

/** Smooth unevenness of tissues, in the reference body. */
export interface Texture {
  readonly fine: SmoothNoise;
  readonly coarse: SmoothNoise;
}

/** Makes the textures of one patient. */
export function drawTexture(seed: number): Texture {
  return { fine: valueNoise(seed, FINE), coarse: valueNoise(seed ^ 0x5bd1e995, COARSE) };
}

/** Returns the offsets of an edge voxel's samples from its centre, in mm of the reference body: x, y, z, x, y, z, ... */
export function sampleOffsets({ spacing, scale }: Placement): Float64Array {
  const axes = [2, 1, 0].map((axis) => {
    const step = spacing[axis]! / scale[axis]!;
    const count = Math.max(2, Math.min(3, Math.round(step / SAMPLE_STEP)));
    return Array.from({ length: count }, (_, index) => ((index + 0.5) / count - 0.5) * step);
  });
  const offsets: number[] = [];
  for (const z of axes[2]!) for (const y of axes[1]!) for (const x of axes[0]!) offsets.push(x, y, z);
  return Float64Array.from(offsets);
}

/** The different parts in the 27 voxels around one, the last painted first. */
class Neighbours {
  readonly parts = new Uint16Array(27);
  count = 0;

  collect({ part, shape }: Slab, index: number): void {
    const [, height, width] = shape;
    const area = height * width;
    this.count = 0;
    for (let z = index - area; z <= index + area; z += area) {
      for (let y = z - width; y <= z + width; y += width) {
        for (let x = y - 1; x <= y + 1; x++) this.insert(part[x]!);
      }
    }
  }

  private insert(number: number): void {
    const { parts } = this;
    let place = 0;
    while (place < this.count && parts[place]! > number) place++;
    if (place < this.count && parts[place] === number) return;
    for (let index = this.count; index > place; index--) parts[index] = parts[index - 1]!;
    parts[place] = number;
    this.count++;
  }
}

function isEdge({ material, shape }: Slab, index: number): boolean {
  const [, height, width] = shape;
  const area = height * width;
  const own = material[index];
  return (
    material[index - 1] !== own ||
    material[index + 1] !== own ||
    material[index - width] !== own ||
    material[index + width] !== own ||
    material[index - area] !== own ||
    material[index + area] !== own
  );
}

/**
 * Computes the intensities of a slab without its border, in HU and without noise.
 *
 * @param out - receives [d - 2, h - 2, w - 2] values
 * @remarks A voxel whose neighbours are of its own material takes the material's intensity at its centre. Any other one
 * takes the mean over samples within the voxel: the partial-volume effect.
 */
export function shadeSlab(slab: Slab, texture: Texture, offsets: Float64Array, out: Float32Array): void {
  for (const block of slab.blocks) shadeBlock(slab, block, texture, offsets, out);
}

function shadeBlock(slab: Slab, block: Block, texture: Texture, offsets: Float64Array, out: Float32Array): void {
  const [depth, height, width] = slab.shape;
  const { scene, low, high } = block;
  const neighbours = new Neighbours();
  const used = new Float64Array(scene.palette.length);
  for (let k = Math.max(1, low[0]); k < Math.min(depth - 1, high[0]); k++) {
    for (let j = Math.max(1, low[1]); j < Math.min(height - 1, high[1]); j++) {
      const row = (k * height + j) * width;
      const target = ((k - 1) * (height - 2) + j - 1) * (width - 2) - 1;
      for (let i = Math.max(1, low[2]); i < Math.min(width - 1, high[2]); i++) {
        const index = row + i;
        if (!isEdge(slab, index)) {
          out[target + i] = intensity(slab, scene, slab.material[index]!, texture, index);
          continue;
        }
        neighbours.collect(slab, index);
        countSamples(scene, neighbours, offsets, slab, index, used);
        let sum = 0;
        for (let material = 0; material < used.length; material++) {
          if (used[material] !== 0) sum += used[material]! * intensity(slab, scene, material, texture, index);
        }
        out[target + i] = (3 * sum) / offsets.length;
      }
    }
  }
}

function intensity(slab: Slab, scene: Scene, material: number, texture: Texture, index: number): number {
  const { hu, texture: amplitude, grain } = scene.palette[material]!;
  if (amplitude === 0) return hu;
  return hu + amplitude * texture[grain](slab.x[index]!, slab.y[index]!, slab.z[index]!);
}

function countSamples(
  scene: Scene,
  neighbours: Neighbours,
  offsets: Float64Array,
  slab: Slab,
  index: number,
  used: Float64Array,
): void {
  used.fill(0);
  const x = slab.x[index]!;
  const y = slab.y[index]!;
  const z = slab.z[index]!;
  for (let at = 0; at < offsets.length; at += 3) {
    let material = 0;
    for (let place = 0; place < neighbours.count && material === 0; place++) {
      const number = neighbours.parts[place]!;
      if (number === 0) break;
      material = scene.materialOfPart(number, x + offsets[at]!, y + offsets[at + 1]!, z + offsets[at + 2]!);
    }
    used[material] = used[material]! + 1;
  }
}
