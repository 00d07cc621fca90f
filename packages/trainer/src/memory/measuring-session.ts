import type { FunctionMemory, NamedTensors, TensorFunction } from '@dinomix/core';
import { memory, type Tensor, zeros } from '@tensorflow/tfjs-core';
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

/** Zeros cost nothing before somebody writes them: the pages are the kernel's. */
function emptyLike(shapes: Shapes): NamedTensors<Tensor> {
  return Object.fromEntries([...shapes].map(([name, { shape, dtype }]) => [name, zeros(shape, dtype as 'float32')]));
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
