import type { NamedTensors } from '@dinomix/core';
import { clone, engine, keep, type Tensor } from '@tensorflow/tfjs-core';

/** What a function computes while the gradient tape is open. */
export interface Taped {
  /** Scalar whose gradients are wanted. */
  readonly loss: Tensor;
  /** Other tensors made on the way that are needed afterwards. */
  readonly extras: NamedTensors<Tensor>;
}

/** Result of {@link differentiate}. All tensors belong to the scope of the caller. */
export interface Differentiated extends Taped {
  /** By name of the given tensors; absent where the loss does not depend on one. */
  readonly gradients: NamedTensors<Tensor>;
}

/**
 * Runs `forward` with the tape open and differentiates its loss. TensorFlow.js disposes everything that a taped function
 * makes but its result; the extras are kept over the end of the tape and handed to the scope of the caller.
 */
export function differentiate(wanted: NamedTensors<Tensor>, forward: () => Taped): Differentiated {
  const names = Object.keys(wanted);
  const kept: Record<string, Tensor> = {};
  const carryOut = (): NamedTensors<Tensor> => {
    const entries = Object.entries(kept).map(([name, value]) => [name, clone(value)] as const);
    for (const value of Object.values(kept)) value.dispose();
    return Object.fromEntries(entries);
  };
  const taped = (): Tensor => {
    const { loss, extras } = forward();
    for (const [name, value] of Object.entries(extras)) kept[name] = keep(clone(value));
    return loss;
  };
  try {
    const { value, grads } = engine().gradients(taped, Object.values(wanted), undefined, true);
    // A tensor without influence has no entry, though the type says so.
    const found = grads.map((gradient, index) => [names[index]!, gradient as Tensor | undefined] as const);
    const gradients = found.filter((entry): entry is readonly [string, Tensor] => entry[1] !== undefined);
    return { loss: value, gradients: Object.fromEntries(gradients), extras: carryOut() };
  } catch (thrown) {
    for (const value of Object.values(kept)) value.dispose();
    throw thrown;
  }
}
