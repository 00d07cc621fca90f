import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { Emitter } from '../lowering/emitter.js';
import { createSession, ort } from '../session/runtime.js';
import { executionOrder } from './execution-order.js';

const SIZE = 2 ** 18;
const SHAPE = [4, SIZE / 4];

/** The symbol that stands for the first side of each declared value, by name. */
function declared(model: Uint8Array): Map<string, unknown> {
  const { graph } = fromBinary(ModelProtoSchema, model);
  return new Map(
    graph!.valueInfo.map(({ name, type }) => {
      const tensor = type!.value.value as { shape?: { dim: { value: { value?: unknown } }[] } };
      return [name!, tensor.shape!.dim[0]!.value.value];
    }),
  );
}

describe('the memory of operands', () => {
  it('goes to the last operation that uses them, under a side that no other value has', () => {
    const emitter = new Emitter();
    const x = emitter.input('x', SHAPE, 'float32');
    const a = emitter.node('Relu', [emitter.node('Neg', [x], {}, SHAPE)], {}, SHAPE);
    const b = emitter.node('Tanh', [a], {}, SHAPE);
    const c = emitter.node('Relu', [b], {}, SHAPE);
    emitter.output(emitter.node('Add', [a, c], {}, SHAPE), 'y');
    const symbols = declared(emitter.build());
    for (const { name } of [a, c]) expect(symbols.get(`${name}over`)).toBe(symbols.get(name));
    // `a` is read once more after `b`.
    expect(symbols.get(`${b.name}over`)).toBeUndefined();
    expect(new Set(symbols.values()).size).toBe(2);
  });

  it('leaves small values, outputs and operations that cannot alone', () => {
    const emitter = new Emitter();
    const x = emitter.input('x', SHAPE, 'float32');
    const row = emitter.node('ReduceSum', [x, emitter.int64([0])], { keepdims: 1 }, [1, SHAPE[1]!]);
    const small = emitter.node('Relu', [row], {}, [1, SHAPE[1]!]);
    const wide = emitter.node('Add', [small, x], {}, SHAPE);
    emitter.output(emitter.node('Relu', [wide], {}, SHAPE), 'y');
    expect(declared(emitter.build()).size).toBe(0);
  });

  it('changes neither a number nor the order of the run', () => {
    const emitter = new Emitter();
    const x = emitter.input('x', SHAPE, 'float32');
    const flat = emitter.reshape(x, [1, SIZE]);
    const doubled = emitter.node('Relu', [emitter.node('Add', [flat, flat], {}, [1, SIZE])], {}, [1, SIZE]);
    const shifted = emitter.node('Add', [doubled, emitter.float(1)], {}, [1, SIZE]);
    const product = emitter.node('Mul', [shifted, emitter.node('Neg', [flat], {}, [1, SIZE])], {}, [1, SIZE]);
    const name = emitter.output(emitter.node('Abs', [emitter.reshape(product, SHAPE)], {}, SHAPE), 'y');
    const model = emitter.build();
    const session = createSession(model, { executionProviders: ['cpu'], intraOpNumThreads: 1 });
    const data = Float32Array.from({ length: SIZE }, (_, index) => index % 7);
    const feeds = { x: new (ort().Tensor)('float32', data, SHAPE) };
    const y = session.run(feeds, { [name]: null })[name]!.data as Float32Array;
    session.dispose();
    expect(y.every((value, index) => value === data[index]! * (2 * data[index]! + 1))).toBe(true);
    const { nodes } = emitter.program();
    const { node: built } = fromBinary(ModelProtoSchema, model).graph!;
    const own = new Set(nodes.map((node) => node.name));
    const order = executionOrder(built).map((position) => built[position]!.name);
    expect(order.filter((node) => own.has(node))).toEqual(executionOrder(nodes).map((at) => nodes[at]!.name));
  });
});
