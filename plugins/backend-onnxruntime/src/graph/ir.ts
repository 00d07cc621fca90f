import type { OrtTensor } from '../session/runtime.js';

/** Data types that a recorded value can have. Complex and string tensors never enter the graph: they stay on the host. */
export type GraphDType = 'float32' | 'int32' | 'bool';

export type AttributeValue = number | string | boolean | readonly number[] | readonly string[] | undefined;
export type Attributes = Readonly<Record<string, AttributeValue>>;

export type HostArray = Float32Array | Int32Array | Uint8Array;

/**
 * The bytes of a materialised value.
 * `layout` says how the logical tensor lies in memory: see `lowering/layout.ts`.
 */
export interface HostBuffer {
  readonly data: HostArray;
  readonly layout: string;
  /** Physical dimensions, in the order of memory. */
  readonly dims: readonly number[];
  /** ONNX Runtime's view of the same bytes, made on first use. */
  tensor?: OrtTensor;
  /** Set where a run of the engine allocated the bytes, so that it may write them again. */
  owned?: boolean;
  /** Set once the bytes were handed out: they may then never be overwritten. */
  seen?: boolean;
}

/** One recorded operation. Shapes are logical: TensorFlow.js's own (channel last). */
export interface Node {
  readonly id: number;
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
  /** Where the operation was recorded; only its `stack` is read, and only when the graph is refused. */
  readonly origin: Error | undefined;
}

/** One output of a node, or a leaf when `buffer` is set. */
export interface Value {
  /** Cut once the bytes are known, so that the history of a step can be collected. */
  node: Node | undefined;
  readonly index: number;
  readonly shape: readonly number[];
  readonly dtype: GraphDType;
  /** Set for leaves, and once a run has computed the value. */
  buffer: HostBuffer | undefined;
}

let nextNodeId = 0;

export interface OutputSpec {
  readonly shape: readonly number[];
  readonly dtype: GraphDType;
}

/** Records an operation and returns its outputs. */
export function createNode(
  op: string,
  inputs: readonly Value[],
  attributes: Attributes,
  outputs: readonly OutputSpec[],
  origin?: Error,
): Node {
  const values: Value[] = [];
  const node: Node = { id: nextNodeId++, op, inputs, attributes, outputs: values, origin };
  outputs.forEach((spec, index) => {
    values.push({ node, index, shape: spec.shape, dtype: spec.dtype, buffer: undefined });
  });
  return node;
}

/** A value whose bytes are known. */
export function createLeaf(shape: readonly number[], dtype: GraphDType, buffer: HostBuffer): Value {
  return { node: undefined, index: 0, shape, dtype, buffer };
}

export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const side of shape) size *= side;
  return size;
}

/** Operations in an order in which every input comes before its use; leaves and computed values are not entered. */
export function topologicalOrder(roots: readonly Value[]): Node[] {
  const order: Node[] = [];
  const state = new Map<Node, 'open' | 'done'>();
  const stack: Node[] = [];
  for (const root of roots) {
    if (root.node === undefined || root.buffer !== undefined) continue;
    stack.push(root.node);
    while (stack.length > 0) {
      const node = stack[stack.length - 1]!;
      if (state.has(node)) {
        stack.pop();
        if (state.get(node) === 'open') {
          state.set(node, 'done');
          order.push(node);
        }
        continue;
      }
      state.set(node, 'open');
      for (const input of node.inputs) {
        if (input.node !== undefined && input.buffer === undefined && !state.has(input.node)) stack.push(input.node);
      }
    }
  }
  return order;
}
