import type { HostBuffer, Node, Value } from '../graph/ir.js';
import { createContext, type LoweringContext, type Target } from '../lowering/context.js';
import { type Emitted, Emitter } from '../lowering/emitter.js';
import { parseLayout, relayoutHost } from '../lowering/layout.js';
import { Lowered } from '../lowering/lowered.js';

/** An array that every run of a compiled graph is given. */
export interface FixedInput {
  readonly name: string;
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** Arrays derived from the weights, by weight and purpose: graphs of several image sizes share them. */
const derived = new WeakMap<HostBuffer, Map<string, Float32Array>>();

/** What the lowering of a network for inference sees beside the usual context. */
export class NetworkScope {
  readonly ctx: LoweringContext;
  readonly fixed: FixedInput[] = [];
  private readonly values = new Map<Value, Lowered>();

  constructor(target: Target) {
    this.ctx = createContext(new Emitter(), target);
  }

  get emitter(): Emitter {
    return this.ctx.emitter;
  }

  get block(): number {
    return this.ctx.target.block;
  }

  set(value: Value, lowered: Lowered): void {
    this.values.set(value, lowered);
  }

  /** A value in the graph; a constant becomes an input of the session when it is first asked for. */
  get(value: Value): Lowered {
    let known = this.values.get(value);
    if (!known) {
      const { data, layout, dims } = value.buffer!;
      const emitted = this.constant(data as Float32Array, dims);
      known = new Lowered(this.emitter, value.shape, value.dtype, emitted, parseLayout(layout));
      this.values.set(value, known);
    }
    return known;
  }

  inputsOf(node: Node): Lowered[] {
    return node.inputs.map((input) => this.get(input));
  }

  /** An array that is made once from a weight and given to every run. */
  derived(weight: Value, purpose: string, shape: readonly number[], make: () => Float32Array): Emitted {
    const buffer = weight.buffer!;
    const kept = derived.get(buffer) ?? new Map<string, Float32Array>();
    derived.set(buffer, kept);
    const key = `${purpose}:${shape.join()}`;
    const data = kept.get(key) ?? make();
    kept.set(key, data);
    return this.constant(data, shape);
  }

  /** The elements of a weight in the recorded order. */
  numbers(weight: Value): Float32Array {
    const { data, layout } = weight.buffer!;
    const plain = { splits: [], block: 1, perm: weight.shape.map((_, axis) => axis) };
    return relayoutHost(data, parseLayout(layout), plain, weight.shape) as Float32Array;
  }

  private constant(data: Float32Array, shape: readonly number[]): Emitted {
    const name = `fixed${this.fixed.length}`;
    this.fixed.push({ name, data, shape });
    return this.emitter.input(name, shape, 'float32');
  }
}
