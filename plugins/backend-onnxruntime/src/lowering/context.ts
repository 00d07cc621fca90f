import type { GraphDType, Node, Value } from '../graph/ir.js';
import type { Emitted, Emitter } from './emitter.js';
import { identityLayout, type Layout } from './layout.js';
import { Lowered } from './lowered.js';

export type ExecutionProvider = 'cpu' | 'webgpu' | 'cuda';

/** What the lowering may rely on. */
export interface Target {
  readonly provider: ExecutionProvider;
  /** Channel block of ONNX Runtime's internal convolutions, or 0: dense lowering only. */
  readonly block: number;
  readonly threads: number;
  /** Bytes of a batch of volumes beyond which its samples are worked on in parts. */
  readonly partBytes: number;
  /** Whether what is made of filters alone stays in memory between runs. */
  readonly keepsKernels?: boolean;
}

/** What one lowering function sees. */
export interface LoweringContext {
  readonly emitter: Emitter;
  readonly target: Target;
  /** The images that gradients with respect to filters read. */
  readonly filterInputs: ReadonlySet<Value>;
  /** Wraps an emitted tensor as the node's result. */
  result(node: Node, index: number, emitted: Emitted, layout?: Layout): Lowered;
  /** Wraps parts of the samples, one after the other, as the node's result. */
  resultOfParts(node: Node, index: number, parts: readonly Emitted[], layout: Layout): Lowered;
  /** Wraps an intermediate tensor. */
  wrap(shape: readonly number[], dtype: GraphDType, emitted: Emitted, layout?: Layout): Lowered;
}

export type Lowering = (ctx: LoweringContext, node: Node, inputs: readonly Lowered[]) => readonly Lowered[];

export type LoweringTable = Readonly<Record<string, Lowering>>;

export function createContext(
  emitter: Emitter,
  target: Target,
  filterInputs: ReadonlySet<Value> = new Set(),
): LoweringContext {
  const wrap = (shape: readonly number[], dtype: GraphDType, emitted: Emitted, layout = identityLayout(shape.length)) =>
    new Lowered(emitter, shape, dtype, emitted, layout);
  return {
    emitter,
    target,
    filterInputs,
    wrap,
    result(node, index, emitted, layout) {
      const output = node.outputs[index]!;
      const held = emitter.cast(emitted, output.dtype);
      return wrap(output.shape, output.dtype, held, layout ?? identityLayout(output.shape.length));
    },
    resultOfParts(node, index, parts, layout) {
      const { shape, dtype } = node.outputs[index]!;
      const own = [shape[0]! / parts.length, ...shape.slice(1)];
      return Lowered.ofParts(
        emitter,
        parts.map((part) => wrap(own, dtype, emitter.cast(part, dtype), layout)),
      );
    },
  };
}

export function numberAttribute(node: Node, name: string): number {
  const value = node.attributes[name];
  if (typeof value !== 'number') throw new Error(`${node.op}: attribute ${name} is ${String(value)}, not a number`);
  return value;
}

export function numbersAttribute(node: Node, name: string): readonly number[] {
  const value = node.attributes[name];
  if (!Array.isArray(value))
    throw new Error(`${node.op}: attribute ${name} is ${String(value)}, not a list of numbers`);
  return value as readonly number[];
}

export function stringAttribute(node: Node, name: string): string {
  const value = node.attributes[name];
  if (typeof value !== 'string') throw new Error(`${node.op}: attribute ${name} is ${String(value)}, not a string`);
  return value;
}

export function booleanAttribute(node: Node, name: string): boolean {
  return node.attributes[name] === true;
}
