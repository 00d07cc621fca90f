import { type Attributes, createNode, type GraphDType, type Value } from './ir.js';

/**
 * Broadcast propagation: an elementwise operation on broadcast operands computes on their small sources, since ONNX
 * broadcasts by itself. Where every operand is small, the operation runs small and its result is broadcast.
 */
export function recordElementwise(
  op: string,
  inputs: readonly Value[],
  attributes: Attributes,
  shape: readonly number[],
  dtype: GraphDType,
  origin?: Error,
): Value {
  const sources = inputs.map(broadcastSource);
  const small = broadcastShapes(sources.map((source) => source.shape));
  const computed = createNode(op, sources, attributes, [{ shape: small, dtype }], origin).outputs[0]!;
  if (small.join() === shape.join()) return computed;
  return createNode('Broadcast', [computed], {}, [{ shape, dtype }], origin).outputs[0]!;
}

function broadcastSource(value: Value): Value {
  if (value.buffer === undefined && value.node?.op === 'Broadcast') return value.node.inputs[0]!;
  return value;
}

/** NumPy's rule. Throws when two sides differ and neither is one. */
export function broadcastShapes(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    let side = 1;
    for (const shape of shapes) {
      const own = shape[axis - rank + shape.length] ?? 1;
      if (own === 1 || own === side) continue;
      if (side !== 1) throw new Error(`shapes ${shapes.map((item) => `[${item}]`).join(' and ')} do not broadcast`);
      side = own;
    }
    return side;
  });
}
