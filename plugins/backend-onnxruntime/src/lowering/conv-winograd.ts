/**
 * 3x3x3 convolutions in memory [b, d, c/B, h, w, B] with Winograd's F(r, 3) along depth (Lavin and Gray 2016,
 * arXiv 1509.09308, eq. 5 and 10): r planes of output from r + 2 plane convolutions instead of 3 r. The transforms along
 * depth are matrix products with planes as columns, for any depth; the products of all tiles and components are one
 * grouped two-dimensional convolution.
 */
import type { LoweringContext } from './context.js';
import { type Margin, type Sides, spreadPlanes } from './conv-planes.js';
import type { Emitted } from './emitter.js';
import { BIAS_COMPONENT, TRANSFORMS } from './winograd.js';

export interface Tiling {
  /** Planes of output in a tile. */
  readonly planes: 1 | 2 | 4;
  /** Tile of the volume that is the first here. */
  readonly first?: number;
  readonly tiles: number;
  readonly components: number;
}

/** Elements of kernels for one of the image from which on their memory counts for more than products. */
const HEAVY = 8;

/**
 * The tiling of a convolution by a filter. Kernels that stay in memory between runs, as those of a network for inference
 * do, are not transformed where they are far larger than the image: tiles of more planes would double them.
 */
export function tilingFor(ctx: LoweringContext, s: Sides, { out }: Channels): Tiling {
  const { depth, height, width } = s;
  const isHeavy = 9 * out > HEAVY * depth * height * width;
  return ctx.target.keepsKernels && isHeavy ? { planes: 1, tiles: depth, components: 3 } : tilingOf(depth);
}

/** The tile with the fewer products; of equal ones the smaller, whose rounding errors are smaller. */
export function tilingOf(depth: number): Tiling {
  const tiling = (planes: 2 | 4) => ({ planes, tiles: Math.ceil(depth / planes), components: planes + 2 });
  const [small, large] = [tiling(2), tiling(4)];
  return large.tiles * large.components < small.tiles * small.components ? large : small;
}

/** Planes of output of the tiles of a group, of which the last of the volume may not be whole. */
export function groupDepth({ depth }: Sides, { planes, first = 0, tiles }: Tiling): number {
  return Math.min(planes * tiles, depth - planes * first);
}

/** Bytes of transformed planes that a network for inference convolves together. */
const TOGETHER = 3 * 2 ** 24;

/**
 * The tiles of a volume in groups that follow each other: all at once, but for large volumes of a network for inference,
 * whose transforms would be what takes most memory.
 */
export function tileGroups(ctx: LoweringContext, s: Sides, { into }: Channels, tiling: Tiling): readonly Tiling[] {
  const { planes, tiles, components } = tiling;
  const bytes = 4 * into * s.height * s.width * tiles * components;
  if (!ctx.target.keepsKernels || s.batch > 1 || s.depth % planes > 0 || bytes <= TOGETHER) return [tiling];
  const size = Math.ceil(tiles / Math.ceil(bytes / TOGETHER));
  return Array.from({ length: Math.ceil(tiles / size) }, (_, group) => {
    const first = group * size;
    return { ...tiling, first, tiles: Math.min(size, tiles - first) };
  });
}

/** Multiplies the depth axis of [b, d, ...] by a matrix [rows, d]. */
function alongDepth(ctx: LoweringContext, matrix: readonly number[], x: Emitted): Emitted {
  const { emitter } = ctx;
  const [batch, depth, ...rest] = x.shape as [number, number, ...number[]];
  const rows = matrix.length / depth;
  const area = rest.reduce((a, b) => a * b, 1);
  const transform = emitter.constant(Float32Array.from(matrix), [rows, depth], 'float32');
  const value = emitter.node('MatMul', [transform, emitter.reshape(x, [batch, depth, area])], {}, [batch, rows, area]);
  return emitter.reshape(value, [batch, rows, ...rest]);
}

/** B' for every tile, [tiles * components, d]: component i of tile t reads planes r t - 1, r t, ... */
function inputMatrix(depth: number, { planes, first = 0, tiles, components }: Tiling): number[] {
  const matrix = new Array<number>(tiles * components * depth).fill(0);
  for (let tile = 0; tile < tiles; tile++) {
    TRANSFORMS[planes].input.forEach((row, component) => {
      row.forEach((value, index) => {
        const plane = planes * (first + tile) - 1 + index;
        if (plane >= 0 && plane < depth) matrix[(tile * components + component) * depth + plane] = value;
      });
    });
  }
  return matrix;
}

/** A' for every tile, [d, tiles * components]. */
function outputMatrix(depth: number, { planes, tiles, components }: Tiling): number[][] {
  const { output } = TRANSFORMS[planes];
  return Array.from({ length: depth }, (_, plane) =>
    Array.from({ length: tiles * components }, (_, column) => {
      const own = Math.floor(column / components) === Math.floor(plane / planes);
      return own ? output[plane % planes]![column % components]! : 0;
    }),
  );
}

function transposed(matrix: readonly (readonly number[])[]): number[][] {
  return matrix[0]!.map((_, column) => matrix.map((row) => row[column]!));
}

/**
 * The outputs of the products, [b, tiles * components, ...] to [b, d, ...], or with `backwards` the gradient that goes
 * the other way. Tiles do not meet here: where they are whole each is a small product of its own.
 */
function outputTransform(ctx: LoweringContext, x: Emitted, depth: number, tiling: Tiling, backwards: boolean): Emitted {
  const { planes, tiles, components } = tiling;
  const direction = (matrix: readonly (readonly number[])[]) => (backwards ? transposed(matrix) : matrix).flat();
  const [batch, , ...rest] = x.shape as [number, number, ...number[]];
  if (depth % planes > 0) return alongDepth(ctx, direction(outputMatrix(depth, tiling)), x);
  const parted = ctx.emitter.reshape(x, [batch * tiles, backwards ? planes : components, ...rest]);
  const value = alongDepth(ctx, direction(TRANSFORMS[planes].output), parted);
  return ctx.emitter.reshape(value, [batch, backwards ? tiles * components : depth, ...rest]);
}

/**
 * Inputs of the products, [b, tiles * components, c/B, h + below, (w + 2 * columns) * B], from planes
 * [b * d * c/B, h, w * B]. The margin of zeros is what the filter gradient reads; without it the convolution pads.
 */
export function winogradInput(
  ctx: LoweringContext,
  planes: Emitted,
  s: Sides,
  margin: Margin,
  tiling: Tiling,
): Emitted {
  const spread = margin.columns === 0 ? planes : spreadPlanes(ctx, planes, margin);
  const blocks = planes.shape[0]! / (s.batch * s.depth);
  const shape = [s.batch, s.depth, blocks, ...spread.shape.slice(1)];
  return alongDepth(ctx, inputMatrix(s.depth, tiling), ctx.emitter.reshape(spread, shape));
}

/** Gradients of the products, [b, tiles * components, c/B, h, w * B], from the planes of the outputs' gradient. */
export function winogradOutputGradient(ctx: LoweringContext, planes: Emitted, s: Sides): Emitted {
  const blocks = planes.shape[0]! / (s.batch * s.depth);
  const shape = [s.batch, s.depth, blocks, ...planes.shape.slice(1)];
  return outputTransform(ctx, ctx.emitter.reshape(planes, shape), s.depth, tilingOf(s.depth), true);
}

/** Kernels [components * out, into, 3, 3] of a filter in memory [kd, ...]; `mirrored` exchanges the outer depth taps. */
export function winogradKernels(
  ctx: LoweringContext,
  memory: Emitted,
  channels: Channels,
  { planes, components }: Tiling,
  mirrored: boolean,
): Emitted {
  const { emitter } = ctx;
  const size = memory.shape.reduce((a, b) => a * b, 1) / 3;
  const rows = TRANSFORMS[planes].filter.map((row) => (mirrored ? [...row].reverse() : row));
  const transform = emitter.constant(Float32Array.from(rows.flat()), [components, 3], 'float32');
  const kernels = emitter.node('MatMul', [transform, emitter.reshape(memory, [3, size])], {}, [components, size]);
  return emitter.reshape(kernels, [components * channels.out, channels.into, 3, 3]);
}

/**
 * G' for every group of the products, [3, b * tiles * components * strips]: sums the gradients of kernels into those of
 * taps.
 */
export function filterGradientMatrix(ctx: LoweringContext, s: Sides, strips: number): Emitted {
  const { planes, tiles, components } = tilingOf(s.depth);
  const groups = s.batch * tiles * components * strips;
  const { filter } = TRANSFORMS[planes];
  const matrix = [0, 1, 2].flatMap((tap) =>
    Array.from({ length: groups }, (_, group) => filter[Math.floor(group / strips) % components]![tap]!),
  );
  return ctx.emitter.constant(Float32Array.from(matrix), [3, groups], 'float32');
}

interface Channels {
  readonly into: number;
  readonly out: number;
}

/** @returns memory [b, d, out/B, h, w * B] */
export function winogradConv(
  ctx: LoweringContext,
  input: Emitted,
  kernels: Emitted,
  s: Sides,
  { into, out }: Channels,
  tiling: Tiling,
  bias?: Emitted,
): Emitted {
  const { emitter, target } = ctx;
  const { tiles, components } = tiling;
  const [height, width] = [input.shape[3]!, input.shape[4]! / target.block];
  const side = 1 - (width - s.width) / 2;
  const image = emitter.reshape(input, [s.batch * tiles, components * into, height, width]);
  const attributes = {
    kernel_shape: [3, 3],
    dilations: [1, 1],
    strides: [1, 1],
    pads: [1, side, 1 - (height - s.height), side],
    group: components,
  };
  const shape = [s.batch * tiles, components * out, s.height, s.width];
  const shift = bias && biasOfOne(ctx, bias, components, out);
  const products = emitter.blocked('Conv', [image, kernels, shift], attributes, shape);
  const memory = [s.batch, tiles * components, out / target.block, s.height, s.width * target.block];
  return outputTransform(ctx, emitter.reshape(products, memory), s.depth, tiling, false);
}

/** The bias on the component that reaches every output once. */
function biasOfOne(ctx: LoweringContext, bias: Emitted, components: number, out: number): Emitted {
  const { emitter } = ctx;
  const column = Float32Array.from({ length: components }, (_, index) => (index === BIAS_COMPONENT ? 1 : 0));
  const shape = [components, out];
  const inputs = [emitter.constant(column, [components, 1], 'float32'), emitter.reshape(bias, [1, out])];
  return emitter.reshape(emitter.node('Mul', inputs, {}, shape), [components * out]);
}
