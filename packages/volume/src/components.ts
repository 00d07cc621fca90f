import { type Connectivity, neighbourOffsets } from './neighbourhood.js';
import type { Triple } from './triple.js';
import { assertShape, type VoxelArray } from './volume.js';

/** Connected components of a mask. */
export interface Components {
  /** For each voxel 0, or the number of its component from 1, in the order of the first voxels. */
  readonly labels: Int32Array;
  readonly count: number;
  /** Voxels of each component; [0] is the background. */
  readonly sizes: Int32Array;
}

function findRoot(parents: Int32Array, label: number): number {
  let root = label;
  while (parents[root] !== root) root = parents[root]!;
  let node = label;
  while (parents[node] !== root) {
    const next = parents[node]!;
    parents[node] = root;
    node = next;
  }
  return root;
}

/**
 * Returns the connected components of the voxels that are not 0 in `mask` [d, h, w].
 *
 * @remarks Two passes with union-find; the smaller number always wins, so components are numbered in the order in
 * which a scan meets them, as `scipy.ndimage.label` does.
 */
export function connectedComponents(mask: VoxelArray, shape: Triple, connectivity: Connectivity = 26): Components {
  assertShape(shape);
  const [depth, height, width] = shape;
  const rowStride = width + 2;
  const sliceStride = rowStride * (height + 2);
  // One voxel of background around the volume makes every neighbour's index valid.
  const provisional = new Int32Array(sliceStride * (depth + 1));
  const offsets = neighbourOffsets(connectivity, rowStride, sliceStride).filter((offset) => offset < 0);
  let parents = new Int32Array(1024);
  let next = 1;
  for (let z = 0, index = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      let at = (z + 1) * sliceStride + (y + 1) * rowStride + 1;
      for (let x = 0; x < width; x++, index++, at++) {
        if (mask[index] === 0) continue;
        let label = 0;
        for (let o = 0; o < offsets.length; o++) {
          const other = provisional[at + offsets[o]!]!;
          if (other === 0 || other === label) continue;
          label = label === 0 ? other : unite(parents, label, other);
        }
        if (label === 0) {
          label = next++;
          if (label === parents.length) parents = enlarged(parents);
          parents[label] = label;
        }
        provisional[at] = label;
      }
    }
  }
  return renumber(provisional, parents, next, shape);
}

function unite(parents: Int32Array, first: number, second: number): number {
  const a = findRoot(parents, first);
  const b = findRoot(parents, second);
  const root = Math.min(a, b);
  parents[a] = root;
  parents[b] = root;
  return root;
}

function enlarged(parents: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * parents.length);
  larger.set(parents);
  return larger;
}

function renumber(provisional: Int32Array, parents: Int32Array, next: number, shape: Triple): Components {
  const [depth, height, width] = shape;
  const numbers = new Int32Array(next);
  let count = 0;
  // A root is smaller than every label below it, so that its number is known before theirs are asked for.
  for (let label = 1; label < next; label++) {
    const root = findRoot(parents, label);
    numbers[label] = root === label ? ++count : numbers[root]!;
  }
  const labels = new Int32Array(depth * height * width);
  const sizes = new Int32Array(count + 1);
  for (let z = 0, index = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      let at = ((z + 1) * (height + 2) + y + 1) * (width + 2) + 1;
      for (let x = 0; x < width; x++, index++, at++) {
        const number = numbers[provisional[at]!]!;
        labels[index] = number;
        sizes[number] = sizes[number]! + 1;
      }
    }
  }
  return { labels, count, sizes };
}

/** Returns a mask of 0 and 1 with the largest component, the first of equals; all 0 if there is none. */
export function largestComponent(mask: VoxelArray, shape: Triple, connectivity: Connectivity = 26): Uint8Array {
  const { labels, count, sizes } = connectedComponents(mask, shape, connectivity);
  let largest = 1;
  for (let number = 2; number <= count; number++) if (sizes[number]! > sizes[largest]!) largest = number;
  const kept = new Uint8Array(labels.length);
  for (let index = 0; index < labels.length; index++) kept[index] = labels[index] === largest ? 1 : 0;
  return kept;
}
