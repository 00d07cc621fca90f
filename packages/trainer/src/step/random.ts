import type { RandomStreams } from '@dinomix/core';
import { createRng } from '@dinomix/volume';
import type { Tensor } from '@tensorflow/tfjs-core';
import { moveKey } from '../ops/random.js';

/** The place of a step in the key of its random streams. */
export interface StepKey {
  readonly seed: number;
  readonly epoch: number;
  readonly stepInEpoch: number;
}

/** Streams of one plugin in one step. @param owner - `<slot>:<id>`. */
export function streamsFor(owner: string, { seed, epoch, stepInEpoch }: StepKey): RandomStreams {
  return {
    stream: (purpose, item = 0) => createRng({ seed, stream: `${owner}/${purpose}`, epoch, step: stepInEpoch, item }),
  };
}

type Words = [number, number, number, number];

/** Four words of 12 bits. */
function words(key: Parameters<typeof createRng>[0]): Words {
  const rng = createRng(key);
  return [0, 1, 2, 3].map(() => rng.uint32() & 0xfff) as Words;
}

/** The key of everything random in the graph of a step, as numbers; it enters the graph as one tensor. */
export function graphKeyWords({ seed, epoch, stepInEpoch }: StepKey): Words {
  return words({ seed, stream: 'graph', epoch, step: stepInEpoch });
}

/** The key of everything random in one pass of a student, where views pass one after the other. @param pass - its name. */
export function passKeyWords({ seed, epoch, stepInEpoch }: StepKey, pass: string): Words {
  return words({ seed, stream: `graph/${pass}`, epoch, step: stepInEpoch });
}

/** The key of a named place: the step's key moved by constants that belong to the name. */
export function placeKey(stepKey: Tensor, place: string): Tensor {
  return moveKey(stepKey, words({ seed: 0, stream: `place/${place}` }));
}
