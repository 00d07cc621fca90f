import type { FunctionMemory, NamedTensors, TensorFunction } from '@dinomix/core';
import { type Tensor, zeros } from '@tensorflow/tfjs-core';
import type { RunningBackend } from '../types.js';

/** A graph that would have run. */
export interface MeasuredGraph extends FunctionMemory {
  /** Names of what it gives. */
  readonly outputs: readonly string[];
  /** Bytes of variables that wait beside it: they are no inputs of it. */
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

/** Bytes of float32 tensors. */
export function bytesOf(tensors: Iterable<Tensor>): number {
  return [...tensors].reduce((sum, { size }) => sum + 4 * size, 0);
}

/**
 * Stands in for a backend while a training is looked at: what the trainer hands over to be compiled is recorded and measured,
 * and answered with zeros of the right shapes.
 * @param backend - one that can tell.
 * @param variables - the variables at the time of a call.
 */
export function createMeasuringSession(
  backend: RunningBackend,
  variables: () => NamedTensors<Tensor>,
): MeasuringSession {
  const graphs: MeasuredGraph[] = [];
  const compileStep = (fn: TensorFunction<Tensor>): TensorFunction<Tensor> => {
    let shapes: Shapes | null = null;
    const seen: TensorFunction<Tensor> = (given) => {
      const made = fn(given);
      shapes = new Map(Object.entries(made).map(([name, { shape, dtype }]) => [name, { shape: [...shape], dtype }]));
      return made;
    };
    return (inputs) => {
      if (shapes === null) {
        const memory = backend.measureMemory!(seen, inputs);
        const given = new Set(Object.values(inputs));
        const waiting = bytesOf(Object.values(variables()).filter((variable) => !given.has(variable)));
        graphs.push({ ...memory, outputs: [...shapes!.keys()], waiting });
      }
      return emptyLike(shapes!);
    };
  };
  return { session: { ...backend, compileStep }, graphs };
}
