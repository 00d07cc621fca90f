import type { Index3 } from '@dinomix/core';
import { voxelCount } from '@dinomix/volume';
import type { PlaneScores, ScoreReceiver } from '../src/inference/plane-scores.js';

/** Keeps labels and probabilities of a whole volume. */
export class WholeScores implements ScoreReceiver {
  readonly overhang: 0 | 1;
  readonly labels: Uint8Array;
  /** `[d, h, w, k]`. */
  readonly probabilities: Float32Array;
  /** First plane, row and column, and planes, rows and columns of everything that came. */
  readonly boxes: number[][] = [];
  private readonly shape: Index3;
  private readonly classCount: number;

  constructor(shape: Index3, classCount: number, overhang: 0 | 1 = 0) {
    this.shape = shape;
    this.classCount = classCount;
    this.overhang = overhang;
    this.labels = new Uint8Array(voxelCount(shape));
    this.probabilities = new Float32Array(voxelCount(shape) * classCount);
  }

  take(scores: PlaneScores): void {
    const { offset, shape } = scores.box;
    this.boxes.push([...offset, ...shape]);
    const labels = scores.labels();
    const probabilities = scores.probabilities();
    for (let at = 0; at < labels.length; at++) {
      const z = offset[0] + Math.floor(at / (shape[1] * shape[2]));
      const y = offset[1] + (Math.floor(at / shape[2]) % shape[1]);
      const x = offset[2] + (at % shape[2]);
      const voxel = (z * this.shape[1] + y) * this.shape[2] + x;
      this.labels[voxel] = labels[at]!;
      const k = this.classCount;
      this.probabilities.set(probabilities.subarray(at * k, (at + 1) * k), voxel * k);
    }
  }
}
