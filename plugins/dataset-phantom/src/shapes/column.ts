import { type Solid, solidOf } from './solid.js';

/** One level of a column: height z, semi-axes across and front to back, and the axis' place there, all in mm. */
export interface ColumnLevel {
  readonly z: number;
  readonly halfWidth: number;
  readonly halfDepth: number;
  readonly x?: number;
  readonly y: number;
}

const FIELDS = 4;
const TABLE_STEP = 2;

// Monotone enough for anatomy: Catmull-Rom through the levels, flat beyond the ends.
function interpolate(levels: readonly ColumnLevel[], z: number, field: (level: ColumnLevel) => number): number {
  const last = levels.length - 1;
  const upper = levels.findIndex((level) => level.z >= z);
  if (upper === 0) return field(levels[0]!);
  if (upper < 0) return field(levels[last]!);
  const [b, c] = [levels[upper - 1]!, levels[upper]!];
  const [a, d] = [levels[Math.max(0, upper - 2)]!, levels[Math.min(last, upper + 1)]!];
  const t = (z - b.z) / (c.z - b.z);
  const [va, vb, vc, vd] = [field(a), field(b), field(c), field(d)];
  return vb + 0.5 * t * (vc - va + t * (2 * va - 5 * vb + 4 * vc - vd + t * (3 * (vb - vc) + vd - va)));
}

/**
 * A column along z whose cross-sections follow a smooth table of levels, given from the feet up.
 *
 * @param squareness - 0 makes ellipses, 1 rectangles: the squircle u^2 + v^2 - s^2 u^2 v^2 = 1 of Fernandez-Guasti
 */
export function column(levels: readonly ColumnLevel[], squareness = 0): Solid {
  const low = levels[0]!.z;
  const high = levels.at(-1)!.z;
  const rows = Math.ceil((high - low) / TABLE_STEP) + 1;
  const table = new Float64Array(rows * FIELDS);
  for (let row = 0; row < rows; row++) {
    const at = (field: (level: ColumnLevel) => number) => interpolate(levels, low + row * TABLE_STEP, field);
    table.set([at((l) => l.x ?? 0), at((l) => l.y), at((l) => l.halfWidth), at((l) => l.halfDepth)], row * FIELDS);
  }
  const widest = Math.max(...levels.map((level) => Math.abs(level.x ?? 0) + level.halfWidth)) * 1.1;
  const front = Math.min(...levels.map((level) => level.y - level.halfDepth));
  const back = Math.max(...levels.map((level) => level.y + level.halfDepth));
  const corner = squareness * squareness;
  const distance = (x: number, y: number, z: number) => {
    const position = Math.max(0, Math.min(rows - 1.001, (z - low) / TABLE_STEP));
    const row = Math.floor(position);
    const t = position - row;
    const at = row * FIELDS;
    const centreX = table[at]! * (1 - t) + table[at + 4]! * t;
    const centreY = table[at + 1]! * (1 - t) + table[at + 5]! * t;
    const halfWidth = table[at + 2]! * (1 - t) + table[at + 6]! * t;
    const halfDepth = table[at + 3]! * (1 - t) + table[at + 7]! * t;
    return Math.max(crossSection(x - centreX, y - centreY, halfWidth, halfDepth, corner), low - z, z - high);
  };
  return solidOf({ low: [-widest, front - 10, low], high: [widest, back + 10, high] }, distance);
}

// First order: the value of the cross-section's equation over the length of its gradient.
function crossSection(dx: number, dy: number, a: number, b: number, corner: number): number {
  const u = dx / a;
  const v = dy / b;
  const u2 = u * u;
  const v2 = v * v;
  if (u2 + v2 === 0) return -Math.min(a, b);
  if (corner === 0 || u2 > 1 || v2 > 1) {
    const k0 = Math.sqrt(u2 + v2);
    return ((k0 - 1) * k0) / Math.sqrt(u2 / (a * a) + v2 / (b * b));
  }
  const k0 = Math.sqrt(u2 + v2 - corner * u2 * v2);
  const gx = (u * (1 - corner * v2)) / a;
  const gy = (v * (1 - corner * u2)) / b;
  return ((k0 - 1) * k0) / Math.sqrt(gx * gx + gy * gy);
}
