import type { GraphDType } from '../graph/ir.js';
import { type Emitted, type Emitter, MICROSOFT_DOMAIN } from './emitter.js';
import {
  blockedLayout,
  channelFirstLayout,
  identityLayout,
  type Layout,
  layoutKey,
  parseLayout,
  physicalAxes,
  physicalShape,
  planesLayout,
  relayout,
  sameLayout,
} from './layout.js';
import type { OnnxDType } from './onnx-dtype.js';
import { range } from './range.js';

/** A value as another of its shape times one number for each channel [c]. */
export interface Scaled {
  readonly unscaled: Lowered;
  readonly factors: Lowered;
}

/** A recorded value inside the emitted graph, in one or more memory layouts. Conversions are emitted on demand, once. */
export class Lowered {
  readonly shape: readonly number[];
  readonly dtype: GraphDType;
  /** The layout in which the value was produced. */
  readonly primary: Layout;
  /** Other emitted tensors that hold the same values in no layout, by name; a consumer that knows the name saves a copy. */
  readonly extras = new Map<string, Emitted>();
  /** Set where a consumer that multiplies by the factors elsewhere saves a pass over the value. */
  scaled: Scaled | undefined;
  private readonly forms = new Map<string, Emitted>();
  private readonly parted = new Map<number, readonly Lowered[]>();
  private readonly emitter: Emitter;
  private count = 1;

  constructor(
    emitter: Emitter,
    shape: readonly number[],
    dtype: GraphDType,
    emitted: Emitted | undefined,
    layout: Layout = identityLayout(shape.length),
  ) {
    this.emitter = emitter;
    this.shape = shape;
    this.dtype = dtype;
    this.primary = layout;
    if (emitted) this.add(emitted, layout);
  }

  /** A value whose samples come in parts, one after the other; it is put together only for who asks for the whole. */
  static ofParts(emitter: Emitter, parts: readonly Lowered[]): Lowered {
    const [first] = parts as [Lowered];
    if (parts.length === 1) return first;
    const [samples, ...rest] = first.shape as [number, ...number[]];
    const whole = new Lowered(emitter, [samples * parts.length, ...rest], first.dtype, undefined, first.primary);
    whole.count = parts.length;
    whole.parted.set(parts.length, parts);
    return whole;
  }

  /** In how many parts the samples were made; 1 where the value was made whole. */
  get partCount(): number {
    return this.count;
  }

  get rank(): number {
    return this.shape.length;
  }

  /** The samples in `count` parts of equal size. */
  parts(count: number): readonly Lowered[] {
    if (count === 1) return [this];
    const known = this.parted.get(count);
    if (known) return known;
    const made = this.regrouped(count) ?? Array.from({ length: count }, (_, part) => this.part(part, count));
    this.parted.set(count, made);
    return made;
  }

  /** From parts of another size, where one size is a multiple of the other. */
  private regrouped(count: number): readonly Lowered[] | undefined {
    const own = this.partCount;
    const held = this.parted.get(own);
    if (held === undefined || own === 1) return undefined;
    if (count % own === 0) return held.flatMap((part) => part.parts(count / own));
    if (own % count > 0) return undefined;
    const size = own / count;
    return Array.from({ length: count }, (_, index) =>
      Lowered.ofParts(this.emitter, held.slice(index * size, (index + 1) * size)),
    );
  }

  /** A copy of one part's memory. */
  private part(index: number, count: number): Lowered {
    const { emitter, dtype } = this;
    const layout =
      this.primary.perm[0] === 0 && !this.primary.splits.includes(0) ? this.primary : identityLayout(this.rank);
    const source = this.as(layout);
    const [samples, second = 1, ...rest] = source.shape as [number, number?, ...number[]];
    // Gather copies position by position, each on one thread.
    const rows = emitter.reshape(source, [samples * second, ...rest]);
    const size = (samples / count) * second;
    const positions = range(index * size, (index + 1) * size);
    const taken = emitter.node('Gather', [rows, emitter.int64(positions)], { axis: 0 }, [size, ...rest], source.dtype);
    const shape = [samples / count, ...this.shape.slice(1)];
    return new Lowered(emitter, shape, dtype, emitter.reshape(taken, physicalShape(layout, shape)), layout);
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
    if (this.forms.size === 0) this.add(this.joined(), this.primary);
    if (sameLayout(layout, this.primary)) return this.forms.get(key)!;
    const [from, source] = this.cheapestSource(layout);
    const converted = this.reorder(from, layout, source) ?? this.move(from, layout, source);
    this.forms.set(key, converted);
    return converted;
  }

  /** What was made, in order: parts of parts are not put together on the way to the whole. */
  private pieces(): readonly Lowered[] {
    if (this.forms.size > 0) return [this];
    return this.parted.get(this.partCount)!.flatMap((part) => part.pieces());
  }

  /** The parts one after the other, in the layout of each. */
  private joined(): Emitted {
    const parts = this.pieces().map((part) => part.as(this.primary));
    const [axis] = physicalAxes(this.primary, 0);
    const shape = physicalShape(this.primary, this.shape);
    return this.emitter.node('Concat', parts, { axis: axis! }, shape, parts[0]!.dtype);
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
    const { emitter, shape, rank } = this;
    if (this.dtype !== 'float32' || rank < 4) return undefined;
    const channels = shape[rank - 1]!;
    const [batch, width] = [shape[0]!, shape[rank - 2]!];
    const rows = shape.slice(1, -2).reduce((a, b) => a * b, 1);
    const [whole, planes] = [
      [batch, channels, rows, width],
      [batch * shape[1]!, channels, rows / shape[1]!, width],
    ];
    const { block } = from.splits.length > 0 ? from : to;
    const between = (a: Layout, b: Layout, dense: Layout, blocked: Layout) =>
      block > 1 && sameLayout(a, dense) && sameLayout(b, blocked);
    const image = (a: Layout, b: Layout) => {
      if (between(a, b, channelFirstLayout(rank), blockedLayout(rank, block))) return whole;
      return rank === 5 && between(a, b, planesLayout(rank, 1), planesLayout(rank, block)) ? planes : undefined;
    };
    const into = image(from, to);
    if (into) {
      const value = emitter.blocked('ReorderInput', [emitter.reshape(source, into)], {}, into);
      return emitter.reshape(value, physicalShape(to, shape));
    }
    const out = image(to, from);
    if (!out) return undefined;
    const value = emitter.blocked('ReorderOutput', [emitter.reshape(source, out)], { channels }, out);
    return emitter.reshape(value, physicalShape(to, shape));
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
