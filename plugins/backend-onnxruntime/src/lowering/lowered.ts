import type { GraphDType } from '../graph/ir.js';
import { type Emitted, type Emitter, MICROSOFT_DOMAIN, type OnnxDType } from './emitter.js';
import {
  blockedLayout,
  channelFirstLayout,
  identityLayout,
  type Layout,
  layoutKey,
  parseLayout,
  physicalShape,
  relayout,
  sameLayout,
} from './layout.js';

/** A recorded value inside the emitted graph, in one or more memory layouts. Conversions are emitted on demand, once. */
export class Lowered {
  readonly shape: readonly number[];
  readonly dtype: GraphDType;
  /** The layout in which the value was produced. */
  readonly primary: Layout;
  /** Other emitted tensors that hold the same values in no layout, by name; a consumer that knows the name saves a copy. */
  readonly extras = new Map<string, Emitted>();
  private readonly forms = new Map<string, Emitted>();
  private readonly emitter: Emitter;

  constructor(
    emitter: Emitter,
    shape: readonly number[],
    dtype: GraphDType,
    emitted: Emitted,
    layout: Layout = identityLayout(shape.length),
  ) {
    this.emitter = emitter;
    this.shape = shape;
    this.dtype = dtype;
    this.primary = layout;
    this.add(emitted, layout);
  }

  get rank(): number {
    return this.shape.length;
  }

  /** Adds a form that is already in the graph. */
  add(emitted: Emitted, layout: Layout): void {
    const expected = physicalShape(layout, this.shape);
    if (expected.join() !== emitted.shape.join()) {
      throw new Error(`layout ${layoutKey(layout)} of [${this.shape}] is [${expected}], not [${emitted.shape}]`);
    }
    this.forms.set(layoutKey(layout), emitted);
  }

  has(layout: Layout): boolean {
    return this.forms.has(layoutKey(layout));
  }

  /** The value in TensorFlow.js's own order. */
  dense(): Emitted {
    return this.as(identityLayout(this.rank));
  }

  /** The value in the given layout. */
  as(layout: Layout): Emitted {
    const key = layoutKey(layout);
    const known = this.forms.get(key);
    if (known) return known;
    const [from, source] = this.cheapestSource(layout);
    const converted = this.reorder(from, layout, source) ?? this.move(from, layout, source);
    this.forms.set(key, converted);
    return converted;
  }

  private move(from: Layout, to: Layout, source: Emitted): Emitted {
    const { expand, perm, result } = relayout(from, to, this.shape);
    const { emitter } = this;
    const swap = swapOfLastTwo(perm);
    const grid = emitter.reshape(source, expand);
    if (swap && to.splits.length === 2 && this.dtype === 'float32') {
      const moved = emitter.transpose(grid, swap.outer);
      return emitter.reshape(transposeTiles(emitter, moved, to.block), result);
    }
    return emitter.reshape(emitter.transpose(grid, perm), result);
  }

  /** Between channel-first and blocked memory ONNX Runtime has operators of its own, which use all threads. */
  private reorder(from: Layout, to: Layout, source: Emitted): Emitted | undefined {
    const { emitter, shape } = this;
    if (this.dtype !== 'float32' || this.rank < 4) return undefined;
    const dense = channelFirstLayout(this.rank);
    const channels = shape[this.rank - 1]!;
    const image = [shape[0]!, channels, shape.slice(1, -2).reduce((a, b) => a * b, 1), shape[this.rank - 2]!];
    const pair = (a: Layout, b: Layout) =>
      sameLayout(a, dense) && b.splits.length > 0 && sameLayout(b, blockedLayout(this.rank, b.block));
    if (pair(from, to)) {
      const value = emitter.blocked('ReorderInput', [emitter.reshape(source, image)], {}, image);
      return emitter.reshape(value, physicalShape(to, shape));
    }
    if (pair(to, from)) {
      const value = emitter.blocked('ReorderOutput', [emitter.reshape(source, image)], { channels }, image);
      return emitter.reshape(value, physicalShape(to, shape));
    }
    return undefined;
  }

  private cheapestSource(target: Layout): [Layout, Emitted] {
    for (const [key, emitted] of this.forms) {
      const layout = parseLayout(key);
      if (layout.splits.length === 0 || target.splits.length === 0 || layout.block === target.block) {
        return [layout, emitted];
      }
    }
    return [identityLayout(this.rank), this.dense()];
  }
}

/** A permutation that ends in an exchange of the last two axes, split into what comes before and that exchange. */
function swapOfLastTwo(perm: readonly number[]): { readonly outer: readonly number[] } | undefined {
  const rank = perm.length;
  if (rank < 3 || perm[rank - 2] !== rank - 1 || perm[rank - 1] !== rank - 2) return undefined;
  return { outer: [...perm.slice(0, -2), rank - 2, rank - 1] };
}

/** Transposes square tiles as products with the unit matrix: several times as fast as ONNX Runtime's Transpose. */
function transposeTiles(emitter: Emitter, tiles: Emitted, block: number): Emitted {
  const unit = new Float32Array(block * block);
  for (let index = 0; index < block; index++) unit[index * block + index] = 1;
  const count = tiles.shape.slice(0, -2).reduce((a, b) => a * b, 1);
  const flat = emitter.reshape(tiles, [count, block, block]);
  const attributes = { transA: 1, transB: 0, alpha: { float: 1 } };
  const inputs = [flat, emitter.constant(unit, [block, block], 'float32')];
  return emitter.node('FusedMatMul', inputs, attributes, [count, block, block], 'float32', MICROSOFT_DOMAIN);
}

/** How a TensorFlow.js type is held in the graph: booleans are real booleans. */
export function onnxType(dtype: GraphDType): OnnxDType {
  return dtype;
}

/** True when a layout is a mere permutation. */
export function isDense(layout: Layout): boolean {
  return layout.splits.length === 0;
}
