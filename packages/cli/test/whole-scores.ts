import type { Index3 } from '@dinomix/core';
import { type PlaneScores, type ScoreReceiver, WholeLabels } from '@dinomix/trainer';

/** Keeps labels and probabilities of a volume that is one tile. */
export class WholeScores implements ScoreReceiver {
  readonly overhang = 0;
  /** `[d, h, w, k]`. */
  readonly probabilities: Float32Array;
  private readonly whole: WholeLabels;

  constructor(shape: Index3, classCount: number) {
    this.whole = new WholeLabels(shape);
    this.probabilities = new Float32Array(this.whole.labels.length * classCount);
  }

  get labels(): Uint8Array {
    return this.whole.labels;
  }

  take(scores: PlaneScores): void {
    this.whole.take(scores);
    const { offset, shape } = scores.box;
    if (offset[1] + offset[2] > 0) throw new Error(`expected one tile, found one that begins at [${offset}]`);
    const found = scores.probabilities();
    this.probabilities.set(found, (offset[0] * found.length) / shape[0]);
  }
}
