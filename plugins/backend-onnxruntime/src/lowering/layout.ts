/**
 * How a logical tensor lies in memory: some axes are split into (outer, inner = `block`), then all are permuted.
 *
 * With `axes` numbered over the split tensor (a split axis a becomes two neighbours a, a + 1), memory axis i holds
 * split axis `perm[i]`. Every layout of the engine is of this form:
 * - dense:      no split, any permutation. NCDHW of [b, d, h, w, c] is perm [0, 4, 1, 2, 3].
 * - blocked:    c split by the block: memory [b, c/B, d, h, w, B].
 * - planes:     every plane of a volume an image of its own: memory [b, d, c/B, h, w, B], or [b, d, c, h, w] without split.
 * - kernels:    the weights of a blocked convolution: memory [kh, o/B, i/B, kd, kw, B(i), B(o)].
 */
export interface Layout {
  /** Logical axes that are split, ascending. */
  readonly splits: readonly number[];
  /** Size of the inner part of each split axis. */
  readonly block: number;
  readonly perm: readonly number[];
}

const identities = new Map<number, Layout>();

/** TensorFlow.js's own order. */
export function identityLayout(rank: number): Layout {
  let layout = identities.get(rank);
  if (!layout) {
    layout = { splits: [], block: 1, perm: Array.from({ length: rank }, (_, axis) => axis) };
    identities.set(rank, layout);
  }
  return layout;
}

export function denseLayout(perm: readonly number[]): Layout {
  return { splits: [], block: 1, perm };
}

/** Channel-first memory of a channel-last tensor: [b, c, ...spatial]. */
export function channelFirstLayout(rank: number): Layout {
  const spatial = Array.from({ length: rank - 2 }, (_, axis) => axis + 1);
  return denseLayout([0, rank - 1, ...spatial]);
}

/** Memory [b, c/B, ...spatial, B] of a channel-last tensor. */
export function blockedLayout(rank: number, block: number): Layout {
  const spatial = Array.from({ length: rank - 2 }, (_, axis) => axis + 1);
  return { splits: [rank - 1], block, perm: [0, rank - 1, ...spatial, rank] };
}

/** Channel-first or blocked memory in which every plane of a volume is an image; `block` 1 is without split. */
export function planesLayout(rank: number, block: number): Layout {
  if (rank !== 5) return block === 1 ? channelFirstLayout(rank) : blockedLayout(rank, block);
  return block === 1 ? denseLayout([0, 1, 4, 2, 3]) : { splits: [4], block, perm: [0, 1, 4, 2, 3, 5] };
}

export function layoutKey(layout: Layout): string {
  return `${layout.splits.join('.')}/${layout.block}/${layout.perm.join('.')}`;
}

export function parseLayout(key: string): Layout {
  const [splits, block, perm] = key.split('/') as [string, string, string];
  const numbers = (text: string) => (text === '' ? [] : text.split('.').map(Number));
  return { splits: numbers(splits), block: Number(block), perm: numbers(perm) };
}

export function sameLayout(a: Layout, b: Layout): boolean {
  return a === b || layoutKey(a) === layoutKey(b);
}

export function isIdentity(layout: Layout): boolean {
  return layout.splits.length === 0 && layout.perm.every((axis, index) => axis === index);
}

/** Logical rank that the layout belongs to. */
export function layoutRank(layout: Layout): number {
  return layout.perm.length - layout.splits.length;
}

/** Sizes of the split tensor's axes. An axis of length one (a broadcast one) splits into (1, 1). */
function splitSides(layout: Layout, shape: readonly number[]): number[] {
  const sides: number[] = [];
  shape.forEach((side, axis) => {
    if (!layout.splits.includes(axis)) sides.push(side);
    else if (side === 1) sides.push(1, 1);
    else if (side % layout.block === 0) sides.push(side / layout.block, layout.block);
    else throw new Error(`axis ${axis} of [${shape}] cannot be split by ${layout.block}`);
  });
  return sides;
}

/** Memory dimensions of a tensor of logical `shape`. */
export function physicalShape(layout: Layout, shape: readonly number[]): number[] {
  const sides = splitSides(layout, shape);
  return layout.perm.map((axis) => sides[axis]!);
}

/** Whether a tensor of this shape can lie in this layout. */
export function admits(layout: Layout, shape: readonly number[]): boolean {
  if (layoutRank(layout) !== shape.length) return false;
  return layout.splits.every((axis) => shape[axis] === 1 || shape[axis]! % layout.block === 0);
}

/** Memory axes (positions in `perm`) that a logical axis occupies. */
export function physicalAxes(layout: Layout, axis: number): number[] {
  const before = layout.splits.filter((split) => split < axis).length;
  const first = axis + before;
  const parts = layout.splits.includes(axis) ? [first, first + 1] : [first];
  return parts.map((part) => layout.perm.indexOf(part));
}

/** One reshape, transpose, reshape that carries memory of layout `from` to layout `to`. */
export interface Relayout {
  readonly expand: readonly number[];
  readonly perm: readonly number[];
  readonly result: readonly number[];
}

export function relayout(from: Layout, to: Layout, shape: readonly number[]): Relayout {
  const block = Math.max(from.block, to.block);
  if (from.splits.length > 0 && to.splits.length > 0 && from.block !== to.block) {
    throw new Error(`no direct way from block ${from.block} to block ${to.block}`);
  }
  const splits = [...new Set([...from.splits, ...to.splits])].sort((a, b) => a - b);
  const fine: Layout = { splits, block, perm: [] };
  const fineSides = splitSides(fine, shape);
  const order = (layout: Layout): number[] => {
    const result: number[] = [];
    for (const part of layout.perm) result.push(...fineParts(layout, part, splits));
    return result;
  };
  const source = order(from);
  const target = order(to);
  return {
    expand: source.map((part) => fineSides[part]!),
    perm: target.map((part) => source.indexOf(part)),
    result: physicalShape(to, shape),
  };
}

/** Axes of the finely split tensor that axis `part` of a coarser split covers. */
function fineParts(layout: Layout, part: number, splits: readonly number[]): number[] {
  let position = 0;
  for (let axis = 0; ; axis++) {
    const parts = layout.splits.includes(axis) ? 2 : 1;
    if (part < position + parts) {
      const first = axis + splits.filter((split) => split < axis).length;
      if (parts === 2) return [first + (part - position)];
      return splits.includes(axis) ? [first, first + 1] : [first];
    }
    position += parts;
  }
}

type Mutable = Float32Array | Int32Array | Uint8Array;

/** Copies memory of one layout to another on the host. Returns the input itself when nothing moves. */
export function relayoutHost<A extends Mutable>(data: A, from: Layout, to: Layout, shape: readonly number[]): A {
  if (sameLayout(from, to)) return data;
  const { expand, perm } = relayout(from, to, shape);
  return permuteHost(data, expand, perm);
}

function permuteHost<A extends Mutable>(data: A, sides: readonly number[], perm: readonly number[]): A {
  const rank = sides.length;
  const strides = new Array<number>(rank).fill(1);
  for (let axis = rank - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * sides[axis + 1]!;
  const outSides = perm.map((axis) => sides[axis]!);
  const outStrides = perm.map((axis) => strides[axis]!);
  const result = new (data.constructor as new (length: number) => A)(data.length);
  const counter = new Array<number>(rank).fill(0);
  const inner = rank === 0 ? 1 : outSides[rank - 1]!;
  const innerStride = rank === 0 ? 1 : outStrides[rank - 1]!;
  let source = 0;
  for (let position = 0; position < data.length; ) {
    for (let index = 0; index < inner; index++) result[position++] = data[source + index * innerStride]!;
    for (let axis = rank - 2; axis >= 0; axis--) {
      source += outStrides[axis]!;
      if (++counter[axis]! < outSides[axis]!) break;
      source -= outStrides[axis]! * outSides[axis]!;
      counter[axis] = 0;
    }
  }
  return result;
}
