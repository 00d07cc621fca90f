import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { createSession, ort } from '../session/runtime.js';
import { Emitter } from './emitter.js';

const SHAPE = [4, 8192];

/** Sides declared for each value, by name. */
function declared(model: Uint8Array): Map<string, string> {
  const { graph } = fromBinary(ModelProtoSchema, model);
  return new Map(
    graph!.valueInfo.map(({ name, type }) => {
      const tensor = type!.value.value as { shape?: { dim: { value: { value?: unknown } }[] } };
      return [name!, tensor.shape!.dim.map(({ value }) => String(value.value)).join()];
    }),
  );
}

describe('memory of operands', () => {
  it('goes to the only operation that uses them, under sides that no other value has', () => {
    const emitter = new Emitter();
    const x = emitter.input('x', SHAPE, 'float32');
    const [a, b] = ['Exp', 'Neg'].map((op) => emitter.node(op, [x], {}, SHAPE));
    const sum = emitter.node('Add', [a, x], {}, SHAPE);
    const again = emitter.node('Mul', [sum, b], {}, SHAPE);
    const square = emitter.node('Mul', [again, again], {}, SHAPE);
    const last = emitter.node('Sub', [square, b], {}, SHAPE);
    emitter.output(emitter.node('Abs', [last], {}, SHAPE), 'y');
    const sides = declared(emitter.build());
    // `b` is used twice, and so is `again` by the square: neither gives its memory away.
    expect(sides.has(b!.name)).toBe(false);
    expect(sides.get(sum.name)).toBe(sides.get(a!.name));
    expect(sides.get(again.name)).toBe(sides.get(sum.name));
    expect(sides.get(last.name)).toBe(sides.get(square.name));
    expect(sides.get(square.name)).not.toBe(sides.get(again.name));
  });

  it('leaves small values, other shapes and outputs alone', () => {
    const emitter = new Emitter();
    const x = emitter.input('x', SHAPE, 'float32');
    const row = emitter.node('ReduceSum', [x, emitter.int64([0])], { keepdims: 1 }, [1, SHAPE[1]!]);
    const wide = emitter.node('Add', [row, x], {}, SHAPE);
    const small = emitter.node('Add', [row, row], {}, [1, SHAPE[1]!]);
    const output = emitter.node('Add', [emitter.node('Exp', [wide], {}, SHAPE), small], {}, SHAPE);
    emitter.output(output, 'y');
    expect(declared(emitter.build()).size).toBe(0);
  });

  it('changes no number', () => {
    const emitter = new Emitter();
    const x = emitter.input('x', SHAPE, 'float32');
    const flat = emitter.reshape(x, [1, 32_768]);
    const doubled = emitter.node('Add', [flat, flat], {}, [1, 32_768]);
    const shifted = emitter.node('Add', [doubled, emitter.float(1)], {}, [1, 32_768]);
    const product = emitter.node('Mul', [shifted, emitter.node('Neg', [flat], {}, [1, 32_768])], {}, [1, 32_768]);
    const name = emitter.output(emitter.reshape(product, SHAPE), 'y');
    const session = createSession(emitter.build(), { executionProviders: ['cpu'], intraOpNumThreads: 1 });
    const data = Float32Array.from({ length: 32_768 }, (_, index) => index % 7);
    const feeds = { x: new (ort().Tensor)('float32', data, SHAPE) };
    const y = session.run(feeds, { [name]: null })[name]!.data as Float32Array;
    session.dispose();
    expect([...y]).toEqual([...data].map((value) => -value * (2 * value + 1)));
  });
});
