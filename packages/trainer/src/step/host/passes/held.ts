import type { NamedTensors } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';

/** Tensors on the way from one graph to the next; what is left at the end of the step goes with it. */
export interface Held {
  hold<T extends NamedTensors<Tensor>>(tensors: T): T;
  /** Disposes tensors that are not needed any more. */
  release(tensors: NamedTensors<Tensor>): void;
  /** Gives a tensor to the caller of the step. */
  handOver(tensor: Tensor): void;
  dispose(): void;
}

/** Holds nothing yet. */
export function createHeld(): Held {
  const held = new Set<Tensor>();
  return {
    hold(tensors) {
      for (const value of Object.values(tensors)) held.add(value);
      return tensors;
    },
    release(tensors) {
      for (const value of Object.values(tensors)) {
        held.delete(value);
        value.dispose();
      }
    },
    handOver(tensor) {
      held.delete(tensor);
    },
    dispose() {
      for (const value of held) value.dispose();
      held.clear();
    },
  };
}
