import type { Node, Value } from '../graph/ir.js';
import { createContext, type LoweringContext, type Target } from '../lowering/context.js';
import { Emitter } from '../lowering/emitter.js';
import { parseLayout } from '../lowering/layout.js';
import { Lowered } from '../lowering/lowered.js';

/** What the lowering of a network for inference sees beside the usual context. */
export class NetworkScope {
  readonly ctx: LoweringContext;
  /** The weights in the order of first use: each is the input `weight<position>` of the emitted graph. */
  readonly weights: Value[] = [];
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

  get(value: Value): Lowered {
    return this.values.get(value) ?? this.weight(value);
  }

  inputsOf(node: Node): Lowered[] {
    return node.inputs.map((input) => this.get(input));
  }

  private weight(value: Value): Lowered {
    const { layout, dims } = value.buffer!;
    const input = this.emitter.input(weightName(this.weights.length), dims, 'float32');
    const lowered = new Lowered(this.emitter, value.shape, value.dtype, input, parseLayout(layout));
    this.weights.push(value);
    this.values.set(value, lowered);
    return lowered;
  }
}

export function weightName(position: number): string {
  return `weight${position}`;
}
