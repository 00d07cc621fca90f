/** Which voxels are neighbours: those that share a face (6), a face or edge (18), or also a corner (26). */
export type Connectivity = 6 | 18 | 26;

const REACH: Record<Connectivity, number> = { 6: 1, 18: 2, 26: 3 };

/** Returns the differences of index between a voxel and its neighbours, ascending: the first half is met before it. */
export function neighbourOffsets(connectivity: Connectivity, rowStride: number, sliceStride: number): Int32Array {
  const offsets: number[] = [];
  for (let z = -1; z <= 1; z++) {
    for (let y = -1; y <= 1; y++) {
      for (let x = -1; x <= 1; x++) {
        const steps = Math.abs(z) + Math.abs(y) + Math.abs(x);
        if (steps > 0 && steps <= REACH[connectivity]) offsets.push(z * sliceStride + y * rowStride + x);
      }
    }
  }
  return Int32Array.from(offsets);
}
