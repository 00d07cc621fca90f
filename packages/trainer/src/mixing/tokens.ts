import type { Index3, MixItem, Paste, SourceRef } from '@dinomix/core';
import { voxelAt, voxelCount } from '@dinomix/volume';

/** How mixed tokens are made from the cells of all sources: a weighted sum of `terms` cells each. */
export interface TokenMix {
  /** `[cells · terms]`, cells of the sources in the order labelled, unlabelled, donor. */
  readonly index: Int32Array;
  /** `[cells · terms]`; sums to 1 over the terms of a cell. */
  readonly weight: Float32Array;
  readonly terms: number;
}

/** Share of cell `cell` of `cells` that the interval [start, start + length) of a side of `side` voxels covers, and its centre. */
function overlap(
  cell: number,
  cells: number,
  side: number,
  start: number,
  length: number,
): { share: number; centre: number } {
  const width = side / cells;
  const low = Math.max(cell * width, start);
  const high = Math.min((cell + 1) * width, start + length);
  return { share: Math.max(0, high - low) / width, centre: (low + high) / 2 };
}

/** What a paste does to a cell: the share that it covers, and the cell of the source that lies there. */
function pasteOnCell(paste: Paste, cell: Index3, grid: Index3, patch: Index3): { share: number; from: number } {
  let share = 1;
  let from = 0;
  for (const axis of [0, 1, 2] as const) {
    const { to, size } = paste;
    const covered = overlap(cell[axis], grid[axis], patch[axis], to[axis], size[axis]);
    share *= covered.share;
    const position = covered.centre - to[axis] + paste.from[axis];
    const index = Math.min(Math.max(Math.floor((position * grid[axis]) / patch[axis]), 0), grid[axis] - 1);
    from = from * grid[axis] + index;
  }
  return { share, from };
}

/**
 * Weights for mixing tokens as the image is mixed: each box takes the share of a cell that it covers, from the cell that
 * lies at the same place of its source (the nearest one where the box was moved).
 * @param grid - cells of a crop `[d', h', w']`.
 * @param first - number of the first cell of each set.
 * @param terms - terms per cell; at least one more than the pastes of any item. A fixed number keeps the graph.
 */
export function planTokenMix(
  items: readonly MixItem[],
  grid: Index3,
  patch: Index3,
  first: Readonly<Record<SourceRef['set'], number>>,
  terms: number,
): TokenMix {
  const cells = voxelCount(grid);
  const index = new Int32Array(items.length * cells * terms);
  const weight = new Float32Array(index.length);
  items.forEach(({ base, pastes }, item) => {
    for (let cell = 0; cell < cells; cell++) {
      const at = (item * cells + cell) * terms;
      index[at] = first[base.set] + base.item * cells + cell;
      weight[at] = 1;
      pastes.forEach((paste, number) => {
        const { share, from } = pasteOnCell(paste, voxelAt(cell, grid), grid, patch);
        if (share === 0) return;
        for (let term = 0; term <= number; term++) weight[at + term]! *= 1 - share;
        index[at + number + 1] = first[paste.source.set] + paste.source.item * cells + from;
        weight[at + number + 1] = share;
      });
    }
  });
  return { index, weight, terms };
}
