import type { Point } from '@dinomix/volume';

/** Lowest and highest x, y, z in mm. */
export interface Bounds {
  readonly low: Point;
  readonly high: Point;
}

/**
 * An implicit body. Coordinates are mm in the patient frame: x to the left, y to the back, z to the head.
 *
 * @remarks `distance` is negative inside and positive outside. Near the surface it is about the distance in mm; outside
 * of `bounds` its value has no meaning beyond its sign.
 */
export interface Solid {
  readonly bounds: Bounds;
  distance(x: number, y: number, z: number): number;
  /**
   * Returns a solid that is the same at every point of a box, and may be cheaper to ask; null if nothing of this one is
   * in the box.
   */
  near(box: Bounds): Solid | null;
}

/** A cut changes the depth below the surface, and so the layers, up to this far from it, mm. */
const CUT_INFLUENCE = 6;

/** Whether two boxes overlap. */
export function overlap(a: Bounds, b: Bounds): boolean {
  return (
    a.low[0] <= b.high[0] &&
    a.high[0] >= b.low[0] &&
    a.low[1] <= b.high[1] &&
    a.high[1] >= b.low[1] &&
    a.low[2] <= b.high[2] &&
    a.high[2] >= b.low[2]
  );
}

/** The box with `margin` mm more on every side. */
export function widen({ low, high }: Bounds, margin: number): Bounds {
  return {
    low: [low[0] - margin, low[1] - margin, low[2] - margin],
    high: [high[0] + margin, high[1] + margin, high[2] + margin],
  };
}

/** Smallest box around several. */
export function joinBounds(all: readonly Bounds[]): Bounds {
  const low = (axis: 0 | 1 | 2) => Math.min(...all.map((bounds) => bounds.low[axis]));
  const high = (axis: 0 | 1 | 2) => Math.max(...all.map((bounds) => bounds.high[axis]));
  return { low: [low(0), low(1), low(2)], high: [high(0), high(1), high(2)] };
}

/** Makes a solid that is asked as a whole wherever its bounds touch a box. */
export function solidOf(bounds: Bounds, distance: Solid['distance']): Solid {
  const solid: Solid = { bounds, distance, near: (box) => (overlap(bounds, box) ? solid : null) };
  return solid;
}

/** Makes a solid whose distance is computed from that of another one, and reaches `margin` mm beyond it. */
function derived(source: Solid, wrap: (source: Solid) => Solid['distance'], margin = 0): Solid {
  return {
    bounds: margin === 0 ? source.bounds : widen(source.bounds, margin),
    distance: wrap(source),
    near: (box) => {
      const part = source.near(widen(box, margin));
      return part === null ? null : derived(part, wrap, margin);
    },
  };
}

/** The union with rounded joints: the polynomial smooth minimum of radius `blend` mm. */
export function union(solids: readonly Solid[], blend = 0): Solid {
  return {
    // Where two surfaces coincide, the blend lifts them by a quarter of its radius.
    bounds: widen(joinBounds(solids.map((solid) => solid.bounds)), blend / 4),
    distance: (x, y, z) => {
      let nearest = Number.POSITIVE_INFINITY;
      for (let index = 0; index < solids.length; index++) {
        const other = solids[index]!.distance(x, y, z);
        const joint = blend - Math.abs(nearest - other);
        nearest = Math.min(nearest, other) - (joint > 0 ? (joint * joint) / (4 * blend) : 0);
      }
      return nearest;
    },
    near: (box) => {
      const reach = widen(box, blend);
      const parts = solids.map((solid) => solid.near(reach)).filter((solid) => solid !== null);
      return parts.length === 0 ? null : parts.length === 1 ? parts[0]! : union(parts, blend);
    },
  };
}

/** What is in the first solid and in none of the others. */
export function subtract(solid: Solid, ...removed: readonly Solid[]): Solid {
  if (removed.length === 0) return solid;
  return {
    bounds: solid.bounds,
    distance: (x, y, z) => {
      let result = solid.distance(x, y, z);
      for (let index = 0; index < removed.length && result < 0; index++) {
        result = Math.max(result, -removed[index]!.distance(x, y, z));
      }
      return result;
    },
    near: (box) => {
      const rest = solid.near(box);
      if (rest === null) return null;
      const reach = widen(box, CUT_INFLUENCE);
      return subtract(rest, ...removed.map((other) => other.near(reach)).filter((other) => other !== null));
    },
  };
}

/** What is in the solid and where `holds` is negative, such as `(x) => x` for the patient's right half. */
export function restrict(solid: Solid, holds: (x: number, y: number, z: number) => number): Solid {
  return derived(solid, (source) => (x, y, z) => {
    const distance = source.distance(x, y, z);
    return distance >= 0 ? distance : Math.max(distance, holds(x, y, z));
  });
}

/** What is in both solids. */
export function intersect(first: Solid, second: Solid): Solid {
  return {
    bounds: first.bounds,
    distance: (x, y, z) => {
      const distance = first.distance(x, y, z);
      return distance >= 0 ? distance : Math.max(distance, second.distance(x, y, z));
    },
    near: (box) => {
      const [a, b] = [first.near(box), second.near(box)];
      return a === null || b === null ? null : intersect(a, b);
    },
  };
}

/** The solid made smaller by `depth` mm on all sides. */
export function inset(solid: Solid, depth: number): Solid {
  return derived(solid, (source) => (x, y, z) => source.distance(x, y, z) + depth);
}

/** A smooth function of the place with values in [-1, 1]. */
export type SmoothNoise = (x: number, y: number, z: number) => number;

/** The solid with bumps: its surface moves by up to `height` mm. */
export function bumpy(solid: Solid, height: number, noise: SmoothNoise): Solid {
  const wrap = (source: Solid) => (x: number, y: number, z: number) => {
    const distance = source.distance(x, y, z);
    return Math.abs(distance) > 2 * height ? distance : distance + height * noise(x, y, z);
  };
  return derived(solid, wrap, height);
}

/** The mirror image across the sagittal plane x = 0. */
export function mirror(solid: Solid): Solid {
  const flip = ({ low, high }: Bounds): Bounds => ({
    low: [-high[0], low[1], low[2]],
    high: [-low[0], high[1], high[2]],
  });
  return {
    bounds: flip(solid.bounds),
    distance: (x, y, z) => solid.distance(-x, y, z),
    near: (box) => {
      const part = solid.near(flip(box));
      return part === null ? null : mirror(part);
    },
  };
}
