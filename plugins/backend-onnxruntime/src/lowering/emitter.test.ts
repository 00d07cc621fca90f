import { fromBinary } from '@bufbuild/protobuf';
import { type GraphProto, ModelProtoSchema } from 'onnx-buf';
import { describe, expect, it } from 'vitest';
import { Emitter } from './emitter.js';

function graphOf(emitter: Emitter): GraphProto {
  return fromBinary(ModelProtoSchema, emitter.build()).graph!;
}
const operations = (graph: GraphProto) => graph.node.map((node) => node.opType);

describe('common subexpressions', () => {
  it('are emitted once', () => {
    const emitter = new Emitter();
    const x = emitter.input('x', [2, 3], 'float32');
    const twice = [0, 1].map(() => emitter.node('Exp', [x], {}, [2, 3]));
    expect(twice[0]).toBe(twice[1]);
    const other = emitter.node('Softmax', [x], { axis: 0 }, [2, 3]);
    expect(emitter.node('Softmax', [x], { axis: 1 }, [2, 3])).not.toBe(other);
    expect(emitter.nodeCount).toBe(3);
  });

  it('share equal constants, and tell types and shapes apart', () => {
    const emitter = new Emitter();
    expect(emitter.float(1)).toBe(emitter.float(1));
    expect(emitter.float(1)).not.toBe(emitter.float(1, [1]));
    expect(emitter.scalar(1, 'int32')).not.toBe(emitter.scalar(1, 'float32'));
    expect(emitter.float(Number.NaN)).not.toBe(emitter.float(Number.POSITIVE_INFINITY));
  });
});

describe('dead code', () => {
  it('and its constants stay out of the model', () => {
    const emitter = new Emitter();
    const x = emitter.input('x', [2], 'float32');
    emitter.node('Add', [x, emitter.float(7)], {}, [2]);
    const name = emitter.output(emitter.node('Mul', [x, emitter.float(3)], {}, [2]), 'y');
    const graph = graphOf(emitter);
    expect(operations(graph)).toEqual(['Mul']);
    expect(graph.initializer).toHaveLength(1);
    expect(graph.output.map((output) => output.name)).toEqual([name]);
  });

  it('keeps a node of which one output is used', () => {
    const emitter = new Emitter();
    const x = emitter.input('x', [4], 'float32');
    const halves = [
      { shape: [2], dtype: 'float32' as const },
      { shape: [2], dtype: 'float32' as const },
    ];
    const [, second] = emitter.nodeOutputs('Split', [x, emitter.int64([2, 2])], {}, halves);
    emitter.output(second!, 'y');
    expect(operations(graphOf(emitter))).toEqual(['Split']);
  });
});

describe('moves that cost nothing', () => {
  it('reshapes of reshapes are one, and back to the start are none', () => {
    const emitter = new Emitter();
    const x = emitter.input('x', [2, 3, 4], 'float32');
    const flat = emitter.reshape(x, [24]);
    expect(emitter.reshape(flat, [2, 3, 4])).toBe(x);
    emitter.output(emitter.reshape(flat, [6, 4]), 'y');
    expect(operations(graphOf(emitter))).toEqual(['Reshape']);
  });

  it('a transpose that only moves sides of one is a reshape', () => {
    const emitter = new Emitter();
    const x = emitter.input('x', [5, 1, 3], 'float32');
    expect(emitter.transpose(x, [0, 1, 2])).toBe(x);
    emitter.output(emitter.transpose(x, [1, 0, 2]), 'y');
    emitter.output(emitter.transpose(x, [2, 1, 0]), 'z');
    expect(operations(graphOf(emitter))).toEqual(['Reshape', 'Transpose']);
  });

  it('a cast to the own type is none', () => {
    const emitter = new Emitter();
    const x = emitter.input('x', [5], 'int32');
    expect(emitter.cast(x, 'int32')).toBe(x);
    expect(emitter.cast(x, 'float32').dtype).toBe('float32');
  });
});

describe('outputs', () => {
  it('copy what no node computed, and what is fetched twice', () => {
    const emitter = new Emitter();
    const x = emitter.input('x', [2], 'float32');
    const y = emitter.node('Neg', [x], {}, [2]);
    const names = [emitter.output(x, 'out0'), emitter.output(y, 'out1'), emitter.output(y, 'out2')];
    expect(names).toEqual(['out0', y.name, 'out2']);
    expect(operations(graphOf(emitter)).sort()).toEqual(['Identity', 'Identity', 'Neg']);
  });
});
