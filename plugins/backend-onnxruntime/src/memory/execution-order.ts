import type { NodeProto } from 'onnx-buf';
import { producersOf } from './program.js';

/**
 * The order in which ONNX Runtime runs nodes one after the other, as positions in the model: depth first from the nodes
 * whose results no other takes, the last of them first, and from every node to its inputs, the latest first
 * (`GraphViewer`'s order in onnxruntime 1.30, seen in its profiles).
 */
export function executionOrder(nodes: readonly NodeProto[]): number[] {
  const producers = producersOf(nodes);
  const inputs = nodes.map(({ input }) => inputsOf(input, producers));
  const used = new Uint8Array(nodes.length);
  for (const list of inputs) for (const input of list) used[input] = 1;
  const stack: number[] = [];
  for (let index = 0; index < nodes.length; index++) if (used[index] === 0) stack.push(index);
  const visited = new Uint8Array(nodes.length);
  const order: number[] = [];
  while (stack.length > 0) {
    const top = stack.pop()!;
    // Entered again after everything that it needs.
    if (top < 0) order.push(~top);
    else if (visited[top] === 0) {
      visited[top] = 1;
      stack.push(~top, ...inputs[top]!);
    }
  }
  return order;
}

function inputsOf(names: readonly string[], producers: ReadonlyMap<string, number>): number[] {
  const positions = new Set<number>();
  for (const name of names) {
    const position = producers.get(name);
    if (position !== undefined) positions.add(position);
  }
  return [...positions].sort((a, b) => a - b);
}
