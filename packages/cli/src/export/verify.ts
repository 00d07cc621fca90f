import type { Network } from '@dinomix/core';
import type { TrainedNetwork } from '@dinomix/trainer';
import { createRng } from '@dinomix/volume';

/** Result of comparing a file with the network that it was made from. */
export interface Verification {
  /** Voxels compared. */
  readonly voxels: number;
  /** Voxels with another most probable class. */
  readonly different: number;
  /** Largest difference of the probabilities of a voxel's best class. */
  readonly largestDifference: number;
}

/** A crop of `[d, h, w]` with smooth blobs and noise: every class boundary of a real network is crossed somewhere. */
function testCrop([depth, height, width]: readonly [number, number, number]): Float32Array {
  const rng = createRng({ seed: 0, stream: 'export/verify' });
  const phase = Array.from({ length: 6 }, () => 2 * Math.PI * rng.uniform());
  const crop = new Float32Array(depth * height * width);
  let at = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const wave = Math.sin(z / 3 + phase[0]!) + Math.sin(y / 7 + phase[1]!) + Math.sin(x / 5 + phase[2]!);
        crop[at++] = 0.5 + wave / 4 + 0.1 * (rng.uniform() - 0.5);
      }
    }
  }
  return crop;
}

function largestOf(values: Float32Array, at: number, count: number): number {
  let best = 0;
  for (let index = 1; index < count; index++) if (values[at + index]! > values[at + best]!) best = index;
  return best;
}

function softmaxAt(logits: Float32Array, at: number, count: number, index: number): number {
  let sum = 0;
  for (let other = 0; other < count; other++) sum += Math.exp(logits[at + other]! - logits[at + index]!);
  return 1 / sum;
}

/** Runs the file and the network that it was made from on one crop. */
export async function verifyExport(trained: TrainedNetwork, file: Network): Promise<Verification> {
  const { patch, learnedFrom } = trained;
  const count = learnedFrom.classes.length;
  const shape = [1, ...patch, 1] as const;
  const crop = testCrop(patch);
  const expected = (await trained.network.run(crop, shape)).data;
  const found = (await file.run(crop, shape)).data;
  let different = 0;
  let largestDifference = 0;
  for (let at = 0; at < expected.length; at += count) {
    const best = largestOf(expected, at, count);
    if (largestOf(found, at, count) !== best) different++;
    const difference = Math.abs(expected[at + best]! - softmaxAt(found, at, count, best));
    if (!(difference <= largestDifference)) largestDifference = difference;
  }
  return { voxels: expected.length / count, different, largestDifference };
}
