import type { Material } from '../anatomy/materials.js';
import type { Part } from '../anatomy/part.js';
import { type Bounds, overlap, type Solid } from '../shapes/solid.js';

const AIR: Material = { hu: -1000, texture: 0, grain: 'fine' };

interface ScenePart {
  /** Place in the order of painting, from 1; 0 is air. */
  readonly number: number;
  readonly solid: Solid;
  readonly within: Solid | undefined;
  readonly bounds: Bounds;
  readonly depths: Float64Array;
  readonly materials: Uint8Array;
}

/** What lies at a point: number of the part and of the material; 0 and 0 are air. */
export interface Hit {
  part: number;
  material: number;
}

/**
 * The parts of a phantom, or those of them that matter in a box. The part that was painted last wins, so they are asked
 * from the last to the first.
 */
export class Scene {
  /** Materials by number; 0 is air. */
  readonly palette: readonly Material[];
  private readonly parts: readonly ScenePart[];
  private readonly byNumber: readonly (ScenePart | undefined)[];

  private constructor(palette: readonly Material[], parts: readonly ScenePart[], count: number) {
    this.palette = palette;
    this.parts = parts;
    const byNumber = new Array<ScenePart | undefined>(count + 1).fill(undefined);
    for (const part of parts) byNumber[part.number] = part;
    this.byNumber = byNumber;
  }

  /** Numbers the parts, given in the order of painting, and their materials. */
  static of(parts: readonly Part[]): Scene {
    const palette: Material[] = [AIR];
    const numbers = new Map<Material, number>();
    const numberOf = (material: Material): number => {
      const known = numbers.get(material);
      if (known !== undefined) return known;
      numbers.set(material, palette.push(material) - 1);
      return palette.length - 1;
    };
    const sceneParts = parts.map((part, index) => ({
      number: index + 1,
      solid: part.solid,
      within: part.within,
      bounds: part.solid.bounds,
      depths: Float64Array.from(part.layers, ({ depth }) => depth),
      materials: Uint8Array.from(part.layers, ({ material }) => numberOf(material)),
    }));
    return new Scene(palette, sceneParts.reverse(), parts.length);
  }

  /** Returns a scene that is the same at every point of a box and cheaper to ask. */
  near(box: Bounds): Scene {
    const parts: ScenePart[] = [];
    for (const part of this.parts) {
      if (!overlap(part.bounds, box)) continue;
      const solid = part.solid.near(box);
      const within = part.within?.near(box);
      if (solid !== null && within !== null) parts.push({ ...part, solid, within, bounds: solid.bounds });
    }
    return new Scene(this.palette, parts, this.byNumber.length - 1);
  }

  /** Writes what lies at a point of the reference body, mm. */
  at(x: number, y: number, z: number, hit: Hit): void {
    const { parts } = this;
    for (let index = 0; index < parts.length; index++) {
      const part = parts[index]!;
      const material = materialOf(part, x, y, z);
      if (material === 0) continue;
      hit.part = part.number;
      hit.material = material;
      return;
    }
    hit.part = 0;
    hit.material = 0;
  }

  /** Returns the material number of one part at a point, or 0 outside of it. */
  materialOfPart(number: number, x: number, y: number, z: number): number {
    const part = this.byNumber[number];
    return part === undefined ? 0 : materialOf(part, x, y, z);
  }
}

function materialOf(part: ScenePart, x: number, y: number, z: number): number {
  const { low, high } = part.bounds;
  if (x < low[0] || x > high[0] || y < low[1] || y > high[1] || z < low[2] || z > high[2]) return 0;
  const depth = -part.solid.distance(x, y, z);
  if (depth <= 0) return 0;
  if (part.within !== undefined && part.within.distance(x, y, z) >= 0) return 0;
  const { depths, materials } = part;
  let layer = depths.length - 1;
  while (layer > 0 && depth < depths[layer]!) layer--;
  return materials[layer]!;
}
