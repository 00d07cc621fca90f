import type { Index3 } from '@dinomix/core';
import { type Box, voxelCount } from '@dinomix/volume';
import type { PlaneScores, ScoreReceiver } from './plane-scores.js';

/** Writes a box `[d, h, w]` of labels into its place in a volume of `shape`. */
function writeBox(labels: Uint8Array, { offset, shape }: Box, whole: Uint8Array, [, height, width]: Index3): void {
  const [depth, rows, columns] = shape;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < rows; y++) {
      const from = (z * rows + y) * columns;
      const to = ((offset[0] + z) * height + offset[1] + y) * width + offset[2];
      whole.set(labels.subarray(from, from + columns), to);
    }
  }
}

/** Gathers the most probable classes of a volume on its own grid. */
export class WholeLabels implements ScoreReceiver {
  readonly overhang = 0;
  /** `[d, h, w]`. */
  readonly labels: Uint8Array;
  private readonly shape: Index3;

  constructor(shape: Index3) {
    this.shape = shape;
    this.labels = new Uint8Array(voxelCount(shape));
  }

  take(scores: PlaneScores): void {
    writeBox(scores.labels(), scores.box, this.labels, this.shape);
  }
}
