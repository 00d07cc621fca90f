import type { WindowLook, WindowSum } from '@dinomix/core';

/**
 * The sums of a slab, see {@link WindowSum}. Windows are shown in batches and added one after the other, so that a batch may
 * hold windows of two positions of the slab.
 */
export interface SlabSums extends Omit<WindowSum, 'add'> {
  /**
   * Takes a batch of windows in place of the one before.
   * @param windows - `[n, d, h, w]`; they stay as they are until all are added.
   */
  show(windows: Float32Array, looks: readonly WindowLook[]): Promise<void>;
  /**
   * Adds windows of the batch.
   * @param first - number of the first of them in the batch.
   * @param looks - with origins in the slab.
   */
  add(first: number, looks: readonly WindowLook[]): Promise<void>;
}
