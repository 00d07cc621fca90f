import type { Point } from '@dinomix/volume';
import { type Solid, solidOf } from './solid.js';

/** Rotation about the axes x, y, z in degrees, applied in this order. */
export type Tilt = readonly [x: number, y: number, z: number];

type Rows = readonly [number, number, number, number, number, number, number, number, number];

function rotation(tilt: Tilt): Rows {
  const [a, b, c] = tilt.map((degrees) => (degrees * Math.PI) / 180) as [number, number, number];
  const [ca, sa, cb, sb, cc, sc] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b), Math.cos(c), Math.sin(c)];
  return [
    cc * cb,
    cc * sb * sa - sc * ca,
    cc * sb * ca + sc * sa,
    sc * cb,
    sc * sb * sa + cc * ca,
    sc * sb * ca - cc * sa,
    -sb,
    cb * sa,
    cb * ca,
  ];
}

/**
 * An ellipsoid with semi-axes in mm.
 *
 * @remarks Distance k0 (k0 - 1) / k1 with k0 = |p / r|, k1 = |p / r^2|: exact on the surface, first order near it.
 */
export function ellipsoid(centre: Point, radii: Point, tilt: Tilt = [0, 0, 0]): Solid {
  const [cx, cy, cz] = centre;
  const [rx, ry, rz] = radii;
  const [m00, m01, m02, m10, m11, m12, m20, m21, m22] = rotation(tilt);
  const reach = (a: number, b: number, c: number) => Math.sqrt(a * rx * a * rx + b * ry * b * ry + c * rz * c * rz);
  const [hx, hy, hz] = [reach(m00, m01, m02), reach(m10, m11, m12), reach(m20, m21, m22)];
  const smallest = Math.min(rx, ry, rz);
  const distance = (x: number, y: number, z: number) => {
    const dx = x - cx;
    const dy = y - cy;
    const dz = z - cz;
    const u = (m00 * dx + m10 * dy + m20 * dz) / rx;
    const v = (m01 * dx + m11 * dy + m21 * dz) / ry;
    const w = (m02 * dx + m12 * dy + m22 * dz) / rz;
    const k0 = Math.sqrt(u * u + v * v + w * w);
    if (k0 === 0) return -smallest;
    const p = u / rx;
    const q = v / ry;
    const r = w / rz;
    return (k0 * (k0 - 1)) / Math.sqrt(p * p + q * q + r * r);
  };
  return solidOf({ low: [cx - hx, cy - hy, cz - hz], high: [cx + hx, cy + hy, cz + hz] }, distance);
}

/** A path in the axial plane: x and y in mm. */
export type AxialPath = readonly (readonly [x: number, y: number])[];

/** Distance from a point to a chain of segments. */
function distanceToPath(path: AxialPath, x: number, y: number): number {
  let nearest = Number.POSITIVE_INFINITY;
  for (let index = 1; index < path.length; index++) {
    const start = path[index - 1]!;
    const end = path[index]!;
    const ux = end[0] - start[0];
    const uy = end[1] - start[1];
    const t = Math.max(0, Math.min(1, ((x - start[0]) * ux + (y - start[1]) * uy) / (ux * ux + uy * uy)));
    const dx = x - start[0] - t * ux;
    const dy = y - start[1] - t * uy;
    nearest = Math.min(nearest, dx * dx + dy * dy);
  }
  return Math.sqrt(nearest);
}

/**
 * A bent plate that stands upright: a path in the axial plane, extruded from `low` to `high` along z, `thickness` mm
 * thick with round edges. The limbs of an adrenal gland look like it.
 */
export function plate(path: AxialPath, low: number, high: number, thickness: number): Solid {
  const half = thickness / 2;
  const xs = path.map(([x]) => x);
  const ys = path.map(([, y]) => y);
  const middle = (low + high) / 2;
  const reach = (high - low) / 2 - half;
  return solidOf(
    {
      low: [Math.min(...xs) - half, Math.min(...ys) - half, low],
      high: [Math.max(...xs) + half, Math.max(...ys) + half, high],
    },
    (x, y, z) => {
      const above = Math.max(0, Math.abs(z - middle) - reach);
      const aside = distanceToPath(path, x, y);
      return Math.sqrt(aside * aside + above * above) - half;
    },
  );
}
