import type { Network, WindowRequest, WindowSum } from '@dinomix/core';
import { voxelCount } from '@dinomix/volume';
import type { HostNetwork } from './host-network.js';
import { HostWindows } from './host-windows.js';
import type { SlabSums } from './slab-sum.js';

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
