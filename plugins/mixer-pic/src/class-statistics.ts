import type { SlotState } from '@dinomix/core';

/** Least share that a class is given where the pseudo-labels hardly have it: about one voxel in a crop. */
const LEAST_SHARE = 1e-6;

/** Shares of the foreground by class; background and absent classes have 0. Null without any foreground. */
function foregroundShares(voxels: ArrayLike<number>): Float64Array | null {
  const shares = Float64Array.from(voxels);
  shares[0] = 0;
  const total = shares.reduce((sum, count) => sum + count, 0);
  return total === 0 ? null : shares.map((count) => count / total);
}

/**
 * Class statistics on both subsets (method.md §1.5.1): shares n^L counted over the labelled volumes, and the moving
 * average n^U of the shares in the pseudo-labels, which starts at n^L.
 */
export class ClassStatistics {
  /** Foreground classes that the labelled volumes have, ascending. */
  readonly classes: readonly number[];
  readonly #labelled: Float64Array;
  readonly #unlabelled: Float64Array;

  /**
   * @param labelledVoxels - voxels per class `[k]`, background included.
   * @throws Error when no labelled voxel is foreground.
   */
  constructor(labelledVoxels: readonly number[]) {
    const shares = foregroundShares(labelledVoxels);
    if (shares === null) {
      throw new Error(
        'pic: the labelled cases have no foreground voxel, so that no class can be drawn. Check the labels.',
      );
    }
    this.#labelled = shares;
    this.#unlabelled = shares.slice();
    this.classes = [...shares.keys()].filter((index) => shares[index]! > 0);
  }

  /** Takes the pseudo-label counts of a step `[k]`; one without foreground says nothing about the shares. */
  observe(pseudoVoxels: ArrayLike<number>, decay: number): void {
    const shares = foregroundShares(pseudoVoxels);
    if (shares === null) return;
    for (const index of shares.keys()) {
      this.#unlabelled[index] = decay * this.#unlabelled[index]! + (1 - decay) * shares[index]!;
    }
  }

  /** n^L by position in {@link classes}. */
  labelled(): readonly number[] {
    return this.classes.map((index) => this.#labelled[index]!);
  }

  /** (1 - b) n^L + b n^U by position in {@link classes}, so that early pseudo-labels do not drive the sampling. */
  blended(b: number): readonly number[] {
    return this.classes.map((index) => {
      const share = (1 - b) * this.#labelled[index]! + b * this.#unlabelled[index]!;
      return Math.max(share, LEAST_SHARE);
    });
  }

  getState(): SlotState {
    const data = this.#unlabelled.slice();
    return { json: {}, arrays: { unlabelled: { shape: [data.length], data } } };
  }

  /** @throws Error when the state has another number of classes. */
  setState({ arrays }: SlotState): void {
    const data = arrays.unlabelled?.data;
    if (data === undefined || data.length !== this.#unlabelled.length) {
      const found = data === undefined ? 'none' : `${data.length}`;
      throw new Error(`pic: the state has shares of ${found} classes, and the data set has ${this.#unlabelled.length}`);
    }
    this.#unlabelled.set(data);
  }
}
