import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, it } from 'vitest';
import { differentiate, labels, useEngine, values } from '../../test/engine-harness.js';
import { vnetLoss, vnetShapes } from '../../test/small-vnet.js';
import { Emitter } from '../lowering/emitter.js';
import { conv3d, conv3dTranspose, normActivation, softmaxCrossEntropyDice } from '../ops/tensor-ops.js';
import { createSession, ort } from '../session/runtime.js';
import { executionOrder } from './execution-order.js';
import { measureFunction } from './measure-function.js';
import { recompute } from './recompute.js';
import { timelineOf } from './timeline.js';

const folder = mkdtempSync(join(tmpdir(), 'dinomix-memory-'));
afterAll(() => rmSync(folder, { recursive: true }));

const MIB = 2 ** 20;
const SIDE = 2 ** 20;

/** What ONNX Runtime's own profile says of one run: names of nodes as they ran, bytes requested and in use after each. */
function profiled(emitter: Emitter, prefix: string): { readonly name: string; readonly inUse: number }[] {
  const session = createSession(emitter.build(), {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    enableProfiling: true,
    profileFilePrefix: join(folder, prefix),
  });
  const x = new (ort().Tensor)('float32', new Float32Array(SIDE), [SIDE]);
  session.run({ x }, { [outputOf(emitter)]: null });
  session.dispose();
  const file = readdirSync(folder).find((name) => name.startsWith(prefix))!;
  const events = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
    name: string;
    args?: { mem_bytes_requested_in_use?: string };
  }[];
  return events
    .filter(({ name }) => name.endsWith('_kernel_time'))
    .map(({ name, args }) => ({
      name: name.replace(/_kernel_time$/, ''),
      inUse: Number(args?.mem_bytes_requested_in_use),
    }));
}

function outputOf(emitter: Emitter): string {
  return [...emitter.program().outputs][0]!;
}

/** Two values of 4 MiB that die early, a chain of small ones, one more of 4 MiB at the end. */
function chain(): Emitter {
  const emitter = new Emitter();
  const x = emitter.input('x', [SIDE], 'float32');
  const grid = emitter.reshape(x, [1024, 1024]);
  const large = emitter.node('Relu', [emitter.node('Neg', [grid], {}, [1024, 1024])], {}, [1024, 1024]);
  let small = emitter.node('ReduceSum', [large, emitter.int64([1])], { keepdims: 0 }, [1024]);
  for (let index = 0; index < 20; index++) small = emitter.node('Tanh', [small], {}, [1024]);
  const last = emitter.node('Add', [grid, small], {}, [1024, 1024]);
  emitter.output(emitter.node('ReduceSum', [last], { keepdims: 0 }, []), 'y');
  return emitter;
}

describe('the order and the memory of a run', () => {
  it('are those of ONNX Runtime, node by node', () => {
    const emitter = new Emitter();
    let values = [emitter.input('x', [SIDE], 'float32')];
    // A graph with many ways through it, the same every time.
    for (let index = 0; index < 60; index++) {
      const pick = (step: number) => values[(index * step + 1) % values.length]!;
      const made =
        index % 3 === 0
          ? emitter.node('Neg', [pick(7)], {}, [SIDE])
          : emitter.node('Mul', [pick(5), pick(11)], {}, [SIDE]);
      values = [...values, made];
    }
    const total = values.slice(1).map((value) => emitter.node('ReduceSum', [value], { keepdims: 0 }, []));
    emitter.output(
      total.reduce((sum, value) => emitter.node('Add', [sum, value], {}, [])),
      'y',
    );
    const { nodes } = emitter.program();
    const own = new Set(nodes.map(({ name }) => name));
    const ran = profiled(emitter, 'order').map(({ name }) => name);
    expect(ran.filter((name) => own.has(name))).toEqual(executionOrder(nodes).map((position) => nodes[position]!.name));
  });

  it('hold nothing that is dead, however large a later value of the same shape', () => {
    const emitter = chain();
    const run = profiled(emitter, 'chain');
    const tanh = run.filter(({ name }) => name.startsWith('Tanh'));
    expect(tanh).toHaveLength(20);
    expect(Math.max(...tanh.map(({ inUse }) => inUse))).toBeLessThan(MIB / 4);
    // Relu writes over Neg; beside it lie the sums of 1024 rows and the result in its piece of 256 bytes.
    expect(timelineOf(emitter.program()).peak).toBe(4 * MIB + 4096 + 256);
    expect(Math.max(...run.map(({ inUse }) => inUse))).toBeLessThanOrEqual(4 * MIB + 4096 + 256);
  });
});

describe('computing again', () => {
  it('frees a cheap value between its two readers', () => {
    const emitter = new Emitter();
    const x = emitter.input('x', [SIDE], 'float32');
    const cheap = emitter.node('Neg', [x], {}, [SIDE]);
    const early = emitter.node('ReduceSum', [cheap], { keepdims: 0 }, []);
    let middle = emitter.node('Add', [x, early], {}, [SIDE]);
    middle = emitter.node('Exp', [middle], {}, [SIDE]);
    const late = emitter.node('Mul', [emitter.node('ReduceSum', [middle], { keepdims: 0 }, []), cheap], {}, [SIDE]);
    emitter.output(emitter.node('ReduceSum', [late], { keepdims: 0 }, []), 'y');
    const program = emitter.program();
    expect(timelineOf(program).peak).toBe(12 * MIB + 256);
    const planned = recompute(program);
    expect(timelineOf(planned).peak).toBe(8 * MIB + 512);
    expect(planned.nodes.filter(({ opType }) => opType === 'Neg')).toHaveLength(2);
    expect(recompute(program, 16 * MIB)).toBe(program);
  });

  it('changes no bit of a training step, and lowers its peak', async () => {
    const shapes = vnetShapes(16, 5);
    const sides = [32, 48, 48];
    const ops = {
      conv: (x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor, stride: number) =>
        conv3d(x, filter, { bias, strides: [stride, stride, stride], padding: stride === 1 ? 'same' : 'valid' }),
      up: (x: tf.Tensor, filter: tf.Tensor, bias: tf.Tensor) =>
        conv3dTranspose(x, filter, { bias, strides: [2, 2, 2] }),
      norm: (x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, slope: number) =>
        normActivation(x, { norm: 'batch', scale, offset, slope, training: true }),
      loss: (logits: tf.Tensor, target: tf.Tensor) =>
        softmaxCrossEntropyDice(logits, target, { crossEntropy: 1, dice: 1 }),
    };
    const run = async (isRecomputed: boolean) => {
      const backend = await useEngine();
      Object.assign(backend.settings, { recomputeFrom: isRecomputed ? 0 : Number.POSITIVE_INFINITY });
      const loss = (...tensors: tf.Tensor[]) =>
        vnetLoss(ops, values([2, ...sides, 1], 3), labels([2, ...sides], 4, 5), tensors, 0);
      const weights = () => shapes.map(([, shape], index) => values(shape, index, 0.2));
      const { peak } = tf.tidy(() => {
        const inputs = Object.fromEntries(weights().map((value, index) => [`w${index}`, value]));
        const gradients = (given: Record<string, tf.Tensor>) =>
          Object.fromEntries(
            tf
              .grads(loss as never)(Object.values(given))
              .map((value, index) => [`g${index}`, value]),
          );
        return measureFunction(backend, gradients as never, inputs);
      });
      const { value, gradients } = differentiate(loss as never, weights);
      return { peak, found: [value, ...gradients] };
    };
    const [kept, again] = [await run(false), await run(true)];
    expect(again.found).toEqual(kept.found);
    expect(again.peak).toBeLessThan(0.9 * kept.peak);
  });
});
