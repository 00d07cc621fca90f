import type { Network, WindowLook, WindowRequest, WindowSum } from '@dinomix/core';
import { voxelCount } from '@dinomix/volume';
import { type HostNetwork, HostWindows } from './host-windows.js';

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

/** Sums that are formed inside the network. */
function insideNetwork(sum: WindowSum, { window }: WindowRequest): SlabSums {
  const size = voxelCount(window);
  let shown = new Float32Array(0);
  return {
    sums: sum.sums,
    lanes: sum.lanes,
    async show(windows) {
      shown = windows as Float32Array<ArrayBuffer>;
    },
    add: (first, looks) => sum.add(shown.subarray(first * size, (first + looks.length) * size), looks),
    labels: (planes) => sum.labels(planes),
    advance: (planes) => sum.advance(planes),
    dispose: () => sum.dispose(),
  };
}

/** Opens the sums of a slab: inside the network where it offers that, else on the host. */
export async function openSums(
  request: WindowRequest,
  network: HostNetwork & Pick<Network, 'openWindows'>,
): Promise<SlabSums> {
  const sum = await network.openWindows?.(request);
  return sum === undefined ? new HostWindows(request, network) : insideNetwork(sum, request);
}
