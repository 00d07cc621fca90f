import { describe, expect, it } from 'vitest';
import { broadcastShapes, recordElementwise } from './broadcast.js';
import { createLeaf, createNode, topologicalOrder, type Value } from './ir.js';

const leaf = (...shape: number[]): Value => {
  const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
  return createLeaf(shape, 'float32', { data, layout: '/1/', dims: shape });
};
const spread = (value: Value, ...shape: number[]): Value =>
  createNode('Broadcast', [value], {}, [{ shape, dtype: 'float32' }]).outputs[0]!;
const record = (op: string, inputs: Value[], ...shape: number[]): Value =>
  recordElementwise(op, inputs, {}, shape, 'float32');

describe('broadcastShapes', () => {
  it.each([
    [
      [
        [2, 1, 4],
        [3, 1],
      ],
      [2, 3, 4],
    ],
    [[[], [5]], [5]],
    [
      [
        [0, 3],
        [1, 3],
      ],
      [0, 3],
    ],
    [
      [[1], [1, 1]],
      [1, 1],
    ],
  ])('%j gives %j', (shapes, expected) => {
    expect(broadcastShapes(shapes)).toEqual(expected);
  });

  it('refuses sides that differ', () => {
    expect(() =>
      broadcastShapes([
        [2, 3],
        [2, 4],
      ]),
    ).toThrow('shapes [2,3] and [2,4] do not broadcast');
  });
});

describe('broadcast propagation', () => {
  it('reads the small source of a broadcast operand', () => {
    const x = leaf(4, 5);
    const one = leaf();
    const sum = record('Add', [x, spread(one, 4, 5)], 4, 5);
    expect(sum.node!.op).toBe('Add');
    expect(sum.node!.inputs).toEqual([x, one]);
    expect(sum.shape).toEqual([4, 5]);
  });

  it('computes small where every operand is small, and broadcasts the result', () => {
    const product = record('Multiply', [spread(leaf(), 4, 5), spread(leaf(1, 5), 4, 5)], 4, 5);
    expect(product.node!.op).toBe('Broadcast');
    const small = product.node!.inputs[0]!;
    expect([small.node!.op, small.shape]).toEqual(['Multiply', [1, 5]]);
  });

  it('goes through a chain: 1 - 0.9 on a whole tensor stays one number', () => {
    const rest = record('Sub', [spread(leaf(), 4, 5), spread(leaf(), 4, 5)], 4, 5);
    const step = record('Multiply', [leaf(4, 5), rest], 4, 5);
    const scalar = step.node!.inputs[1]!;
    expect([scalar.node!.op, scalar.shape]).toEqual(['Sub', []]);
    expect(topologicalOrder([step]).map((node) => node.op)).toEqual(['Sub', 'Multiply']);
  });

  it('keeps a broadcast that was already computed', () => {
    const wide = spread(leaf(), 4, 5);
    wide.buffer = { data: new Float32Array(20), layout: '/1/0.1', dims: [4, 5] };
    expect(record('Add', [wide, leaf(4, 5)], 4, 5).node!.inputs[0]).toBe(wide);
  });
});

describe('topologicalOrder', () => {
  it('enters every operation once, inputs first, without recursion', () => {
    let value = leaf(2);
    for (let index = 0; index < 50_000; index++) value = record('Add', [value, value], 2);
    const order = topologicalOrder([value, value]);
    expect(order).toHaveLength(50_000);
    expect(order.every((node, index) => index === 0 || node.inputs[0] === order[index - 1]!.outputs[0])).toBe(true);
  });

  it('stops at values that are already computed', () => {
    const middle = record('Neg', [leaf(2)], 2);
    middle.buffer = { data: new Float32Array(2), layout: '/1/0', dims: [2] };
    expect(topologicalOrder([record('Exp', [middle], 2)]).map((node) => node.op)).toEqual(['Exp']);
  });
});
