import type { GraphDType } from '../graph/ir.js';
import type { Emitted, Emitter, OnnxDType } from './emitter.js';
import { identityLayout, isIdentity, type Layout, layoutKey, parseLayout, physicalShape, relayout } from './layout.js';

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
    const { expand, perm, result } = relayout(from, layout, this.shape);
    const { emitter } = this;
    const moved = emitter.transpose(emitter.reshape(source, expand), perm);
    const converted = emitter.reshape(moved, result);
    this.forms.set(key, converted);
    return converted;
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

/** How a TensorFlow.js type is held in the graph: booleans are real booleans. */
export function onnxType(dtype: GraphDType): OnnxDType {
  return dtype;
}

/** True when a layout is a mere permutation. */
export function isDense(layout: Layout): boolean {
  return layout.splits.length === 0;
}

export { isIdentity };
