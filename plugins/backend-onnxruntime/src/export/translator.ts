import { createLeaf, type Node, sizeOf, type Value } from '../graph/ir.js';
import { denseLayout, identityLayout, layoutKey } from '../lowering/layout.js';
import { describeNode } from '../session/compile.js';
import { createOnnxRuntimeError } from '../session/errors.js';
import { constantData } from './constants.js';
import { PortableModel } from './portable-model.js';
import type { Trace } from './trace.js';

/** A value of the written graph. */
export interface Portable {
  readonly name: string;
  /** The recorded shape: channel last. */
  readonly shape: readonly number[];
  /** Memory axis i holds axis `perm[i]` of the recorded shape. */
  readonly perm: readonly number[];
}

/** How one recorded operation becomes standard ONNX. Only the first output of a node can be used. */
export type Translation = (t: Translator, node: Node) => Portable;
export type TranslationTable = Readonly<Record<string, Translation>>;

/** [b, c, ...spatial] of a channel-last tensor. */
export function channelFirst(rank: number): readonly number[] {
  const spatial = Array.from({ length: Math.max(0, rank - 2) }, (_, axis) => axis + 1);
  return rank < 3 ? identity(rank) : [0, rank - 1, ...spatial];
}

export function identity(rank: number): readonly number[] {
  return Array.from({ length: rank }, (_, axis) => axis);
}

/** Writes the recorded operations into a portable model, each value in the order of memory in which it is computed. */
export class Translator {
  readonly model = new PortableModel();
  private readonly trace: Trace;
  private readonly values = new Map<Value, Portable>();
  private readonly moved = new Map<string, string>();

  constructor(trace: Trace, inputName: string) {
    this.trace = trace;
    const { shape } = trace.input;
    this.values.set(trace.input, { name: inputName, shape, perm: channelFirst(shape.length) });
  }

  /** @throws `DMX_ENGINE_EXPORT` naming the first operation that has no translation and the line that recorded it. */
  run(table: TranslationTable): void {
    for (const node of this.trace.order) {
      if (!node.outputs.some((output) => this.trace.depends(output))) continue;
      const translation = table[node.op];
      if (!translation) throw refusal(node, `has no translation to standard ONNX`);
      this.values.set(node.outputs[0]!, translation(this, node));
    }
  }

  isConstant(value: Value): boolean {
    return !this.trace.depends(value);
  }

  /** A value that depends on the input. */
  of(value: Value): Portable {
    const known = this.values.get(value);
    if (known) return known;
    throw refusal(value.node!, `is used by its output ${value.index}, which has no translation to standard ONNX`);
  }

  /** The name of a value in the given order of memory. */
  as(value: Value, perm: readonly number[], label = 'constant'): string {
    if (!this.isConstant(value)) return this.arranged(this.of(value), perm);
    const data = constantData(value, denseLayout(perm));
    return this.model.constant(
      label,
      data,
      perm.map((axis) => value.shape[axis]!),
      value.dtype,
    );
  }

  /** An operand that broadcasts against a tensor of rank `perm.length` in the order `perm`. */
  operand(value: Value, perm: readonly number[]): string {
    const lead = perm.length - value.shape.length;
    if (sizeOf(value.shape) === 1 && this.isConstant(value)) {
      return this.model.constant('constant', constantData(value), [], value.dtype);
    }
    if (lead === 0) return this.as(value, perm);
    const shape = [...new Array<number>(lead).fill(1), ...value.shape];
    if (this.isConstant(value)) {
      const buffer = { data: constantData(value), layout: layoutKey(identityLayout(shape.length)), dims: shape };
      return this.as(createLeaf(shape, value.dtype, buffer), perm);
    }
    const dense = this.as(value, identity(value.shape.length));
    const axes = this.model.int64('axes', identity(lead));
    const name = this.model.node('Unsqueeze', [dense, axes]);
    return this.arranged({ name, shape, perm: identity(shape.length) }, perm);
  }

  private arranged(value: Portable, perm: readonly number[]): string {
    if (value.perm.join() === perm.join()) return value.name;
    const key = `${value.name}|${perm.join()}`;
    const known = this.moved.get(key);
    if (known) return known;
    const order = perm.map((axis) => value.perm.indexOf(axis));
    const name = this.model.node('Transpose', [value.name], { perm: order });
    this.moved.set(key, name);
    return name;
  }
}

export function refusal(node: Node, why: string): Error {
  return createOnnxRuntimeError(
    'DMX_ENGINE_EXPORT',
    `the operation ${node.op} of the network ${why}`,
    describeNode(node),
  );
}
