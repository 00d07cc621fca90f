/** The emitted nodes of a graph with the bytes of every value, as the passes over memory see them. */
import type { NodeProto } from 'onnx-buf';
import type { OnnxDType } from '../lowering/onnx-dtype.js';

/** What a node makes. */
export interface ProgramTensor {
  readonly shape: readonly number[];
  readonly dtype: OnnxDType;
  readonly bytes: number;
}

export interface Program {
  /** In the order in which they are written to the model; every value comes before its uses. */
  readonly nodes: readonly NodeProto[];
  /** Values by name; inputs and initialisers are not among them. */
  readonly tensors: ReadonlyMap<string, ProgramTensor>;
  /** Names of the graph's outputs, which stay until the end. */
  readonly outputs: ReadonlySet<string>;
  /** Whether other programs make some of the values, and only what is read is declared as input. */
  readonly isPart?: boolean;
}

/** Nodes whose result is their first input under another name: ONNX Runtime gives it the same buffer. */
const ALIASES = new Set(['Reshape', 'Squeeze', 'Unsqueeze']);

export function isAlias({ opType, domain }: NodeProto): boolean {
  return domain === '' && ALIASES.has(opType);
}

/** The value whose buffer each name stands for. */
export function buffersOf(nodes: readonly NodeProto[]): ReadonlyMap<string, string> {
  const buffers = new Map<string, string>();
  for (const node of nodes) {
    if (!isAlias(node)) continue;
    const [source] = node.input as [string];
    buffers.set(node.output[0]!, buffers.get(source) ?? source);
  }
  return buffers;
}

/** Position in `nodes` of the node that makes each value. */
export function producersOf(nodes: readonly NodeProto[]): ReadonlyMap<string, number> {
  const producers = new Map<string, number>();
  // A plain loop: a plan of a large step asks for this some hundred times.
  for (let index = 0; index < nodes.length; index++)
    for (const name of nodes[index]!.output) producers.set(name, index);
  return producers;
}

/** Nodes that an output depends on, in their order. */
export function neededNodes(nodes: readonly NodeProto[], outputs: Iterable<string>): readonly NodeProto[] {
  const needed = new Set(outputs);
  const kept: NodeProto[] = [];
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node = nodes[index]!;
    if (!node.output.some((name) => needed.has(name))) continue;
    kept.push(node);
    for (const name of node.input) needed.add(name);
  }
  return kept.reverse();
}
