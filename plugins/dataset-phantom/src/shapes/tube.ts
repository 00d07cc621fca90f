import { type Bounds, joinBounds, overlap, type Solid } from './solid.js';

/** A point on a tube's axis with the tube's radius there, all in mm. */
export type TubePoint = readonly [x: number, y: number, z: number, radius: number];

const STEP = 5;

function catmullRom(a: number, b: number, c: number, d: number, t: number): number {
  return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
}

/** Samples a Catmull-Rom spline through the points, about every 5 mm. Radius is interpolated like a coordinate. */
function sampleSpline(points: readonly TubePoint[]): TubePoint[] {
  const samples: TubePoint[] = [];
  for (let span = 0; span + 1 < points.length; span++) {
    const b = points[span]!;
    const c = points[span + 1]!;
    const a = points[span - 1] ?? b;
    const d = points[span + 2] ?? c;
    const [dx, dy, dz] = [c[0] - b[0], c[1] - b[1], c[2] - b[2]];
    const count = Math.max(1, Math.ceil(Math.sqrt(dx * dx + dy * dy + dz * dz) / STEP));
    for (let step = 0; step < count; step++) {
      const at = (axis: 0 | 1 | 2 | 3) => catmullRom(a[axis], b[axis], c[axis], d[axis], step / count);
      samples.push([at(0), at(1), at(2), Math.max(0.5, at(3))]);
    }
  }
  samples.push(points.at(-1)!);
  return samples;
}

/** One rounded cone: start, direction, 1 / length^2, start radius and its change, y divided by the tube's flattening. */
interface Segment {
  readonly bounds: Bounds;
  readonly values: readonly number[];
}

function segmentOf(start: TubePoint, end: TubePoint, flatten: number): Segment {
  const direction = [end[0] - start[0], (end[1] - start[1]) / flatten, end[2] - start[2]] as const;
  const square = direction[0] * direction[0] + direction[1] * direction[1] + direction[2] * direction[2];
  const ball = ([x, y, z, radius]: TubePoint): Bounds => ({
    low: [x - radius, y - radius * flatten, z - radius],
    high: [x + radius, y + radius * flatten, z + radius],
  });
  return {
    bounds: joinBounds([ball(start), ball(end)]),
    values: [
      start[0],
      start[1] / flatten,
      start[2],
      ...direction,
      square > 0 ? 1 / square : 0,
      start[3],
      end[3] - start[3],
    ],
  };
}

/**
 * A tube with round ends along a spline through the points.
 *
 * @param flatten - depth (along y) over width of the cross-section: 0.7 makes it 30 % thinner from front to back
 * @remarks The distance is that to a chain of rounded cones with linearly varying radius.
 */
export function tube(points: readonly TubePoint[], flatten = 1): Solid {
  const samples = sampleSpline(points);
  const segments = samples.slice(1).map((end, index) => segmentOf(samples[index]!, end, flatten));
  return chain(segments, flatten);
}

function chain(segments: readonly Segment[], flatten: number): Solid {
  const values = Float64Array.from(segments.flatMap((segment) => segment.values));
  const solid: Solid = {
    bounds: joinBounds(segments.map((segment) => segment.bounds)),
    distance: (x, y, z) => chainDistance(values, x, y / flatten, z),
    near: (box) => {
      const kept = segments.filter((segment) => overlap(segment.bounds, box));
      return kept.length === 0 ? null : kept.length === segments.length ? solid : chain(kept, flatten);
    },
  };
  return solid;
}

function chainDistance(segments: Float64Array, x: number, y: number, z: number): number {
  let nearest = Number.POSITIVE_INFINITY;
  for (let at = 0; at < segments.length; at += 9) {
    const dx = x - segments[at]!;
    const dy = y - segments[at + 1]!;
    const dz = z - segments[at + 2]!;
    const ux = segments[at + 3]!;
    const uy = segments[at + 4]!;
    const uz = segments[at + 5]!;
    const along = (dx * ux + dy * uy + dz * uz) * segments[at + 6]!;
    const t = Math.max(0, Math.min(1, along));
    const ex = dx - t * ux;
    const ey = dy - t * uy;
    const ez = dz - t * uz;
    const distance = Math.sqrt(ex * ex + ey * ey + ez * ez) - segments[at + 7]! - t * segments[at + 8]!;
    if (distance < nearest) nearest = distance;
  }
  return nearest;
}
