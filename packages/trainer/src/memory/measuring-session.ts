import type { FunctionMemory, NamedTensors, TensorFunction } from '@dinomix/core';
import { memory, type Tensor, tensor, zeros } from '@tensorflow/tfjs-core';
import type { RunningBackend } from '../types.js';

/** A graph that would have run. */
export interface MeasuredGraph extends FunctionMemory {
  /** Names of what it gives. */
  readonly outputs: readonly string[];
  /** Bytes of tensors that wait beside it and are no inputs of it: variables, and what other graphs of the step made. */
  readonly waiting: number;
}

/** A session that measures the graphs which it is given and computes none. */
export interface MeasuringSession {
  readonly session: RunningBackend;
  /** Every graph so far, in the order of the first calls. */
  readonly graphs: readonly MeasuredGraph[];
}

type Shapes = ReadonlyMap<string, Pick<Tensor, 'shape' | 'dtype'>>;

/**
 * Values that stand for others. Zeros that nobody writes or reads take no memory: their pages are the kernel's. The first is
 * another, so that an engine that looks for constants has seen enough.
 */
export function untouched<A extends Float32Array | Int32Array>(values: A): A {
  values[0] = 1;
  return values;
}

function emptyLike(shapes: Shapes): NamedTensors<Tensor> {
  const made = [...shapes].map(([name, { shape, dtype }]) => {
    const size = shape.reduce((product, side) => product * side, 1);
    if (dtype === 'float32') return [name, tensor(untouched(new Float32Array(size)), shape)] as const;
    if (dtype === 'int32') return [name, tensor(untouched(new Int32Array(size)), shape, dtype)] as const;
    return [name, zeros(shape, dtype as 'bool')] as const;
  });
  return Object.fromEntries(made);
}

/** Bytes of tensors, each memory once. */
export function bytesOf(tensors: Iterable<Tensor>): number {
  const unique = new Map([...tensors].map((one) => [one.dataId, one.size * (one.dtype === 'bool' ? 1 : 4)]));
  return [...unique.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/**
 * Stands in for a backend while a training is looked at: what the trainer hands over to be compiled is recorded and measured,
 * and answered with zeros of the right shapes.
 * @param backend - one that can tell. Tensors that it has at this moment are none of the training.
 */
export function createMeasuringSession(backend: RunningBackend): MeasuringSession {
  const graphs: MeasuredGraph[] = [];
  const before = memory().numBytes;
  const compileStep = (fn: TensorFunction<Tensor>): TensorFunction<Tensor> => {
    let shapes: Shapes | null = null;
    const seen: TensorFunction<Tensor> = (given) => {
      const made = fn(given);
      shapes = new Map(Object.entries(made).map(([name, { shape, dtype }]) => [name, { shape: [...shape], dtype }]));
      return made;
    };
    return (inputs) => {
      if (shapes === null) {
        const waiting = memory().numBytes - before - bytesOf(Object.values(inputs));
        const measured = backend.measureMemory!(seen, inputs);
        graphs.push({ ...measured, outputs: [...shapes!.keys()], waiting });
      }
      return emptyLike(shapes!);
    };
  };
  return { session: { ...backend, compileStep }, graphs };
}
