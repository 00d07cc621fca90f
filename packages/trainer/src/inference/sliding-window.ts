import { setImmediate } from 'node:timers/promises';
import type { Index3, InferenceSettings, Network, WindowLook } from '@dinomix/core';
import { voxelCount } from '@dinomix/volume';
import type { HostNetwork } from './host-network.js';
import { cutWindows, layWindows, looksAt, mirrorings, type RowLook } from './looks.js';
import { type LookWeights, lookWeights, type ScoreReceiver, SummedPlanes } from './plane-scores.js';
import type { SlabSums } from './slab-sum.js';
import { openSums } from './slab-sums.js';
import { layTiles, type Tile } from './tiles.js';
import type { WindowGrid } from './window-grid.js';
import { windowImportance } from './windows.js';

/** What looks at windows: a network in training, or an exported one. */
export interface WindowNetwork extends Pick<Network, 'run' | 'openWindows'> {
  /** What `run` returns per voxel `[k]`. */
  readonly output: HostNetwork['output'];
}

/** A volume as a network sees it: preprocessed. */
export interface WindowVolume {
  readonly shape: Index3;
  /** `[d, h, w]`. */
  readonly image: Float32Array;
}

/** How the windows are laid and joined. */
export interface SlidingWindowOptions
  extends Pick<InferenceSettings, 'stride' | 'overlap' | 'blending' | 'batch' | 'mirror'> {
  /** Window `[d, h, w]`, voxels. */
  readonly patch: Index3;
  readonly classCount: number;
  /** Intensity outside of the volume. */
  readonly padValue: number;
  /**
   * The most bytes of sums that are held at a time; default 1.5 GiB. Where one window's depth of the volume takes more, it is
   * divided into tiles, and windows that touch several of them are looked at again. The scores do not depend on it.
   */
  readonly mostSumBytes?: number;
}

/** Who watches a sliding window. */
export interface WindowWatch {
  /** Aborts between two batches of windows. */
  readonly signal?: AbortSignal;
  /** Hears after each batch how many looks are done, of how many. */
  readonly onWindows?: (done: number, total: number) => void;
}

/** What the tiles of one volume have in common. */
interface Sweep {
  readonly volume: WindowVolume;
  readonly network: WindowNetwork;
  readonly options: SlidingWindowOptions;
  readonly receivers: Iterable<ScoreReceiver>;
  /** First planes of the windows. */
  readonly depths: WindowGrid[0];
  /** Planes of the sums. */
  readonly depth: number;
  readonly weights: LookWeights;
  readonly beforeBatch: () => void;
  readonly afterBatch: (looks: number) => void;
}

/** Hands on the planes that no window after those of `row` touches. */
function handOn({ volume, options, receivers, depths, weights }: Sweep, tile: Tile, sums: SlabSums, row: number): void {
  const first = Math.max(0, depths[row]!);
  const end = row + 1 < depths.length ? depths[row + 1]! : volume.shape[0];
  const box = { offset: [first, ...tile.offset], shape: [end - first, ...tile.shape] } as const;
  const scores = new SummedPlanes(sums, box, weights, options.classCount);
  scores.assertFinite();
  for (const receiver of receivers) receiver.take(scores);
  if (end < volume.shape[0]) sums.advance(end - first);
}

/** The looks of a batch, in pieces of one row. */
function byRow(looks: readonly RowLook[]): readonly { readonly at: number; readonly looks: readonly RowLook[] }[] {
  const begins = [...looks.keys()].filter((at) => looks[at]!.row !== looks[at - 1]?.row);
  return begins.map((at, piece) => ({ at, looks: looks.slice(at, begins[piece + 1] ?? looks.length) }));
}

/** A look with its origin in a slab. */
function inSlab({ origin, mirrored }: RowLook, { offset }: Tile): WindowLook {
  return { origin: [Math.min(0, origin[0]), origin[1] - offset[0], origin[2] - offset[1]], mirrored };
}

/** Shows the network every window that touches a tile. */
async function sweepTile(sweep: Sweep, tile: Tile, looks: readonly RowLook[], sums: SlabSums): Promise<void> {
  const { volume, options } = sweep;
  const { patch, batch, padValue } = options;
  const memory = new Float32Array(batch * voxelCount(patch));
  let row = 0;
  for (let first = 0; first < looks.length; first += batch) {
    sweep.beforeBatch();
    const some = looks.slice(first, first + batch);
    await sums.show(cutWindows(volume, some, patch, padValue, memory), some);
    for (const piece of byRow(some)) {
      if (piece.looks[0]!.row > row) handOn(sweep, tile, sums, row++);
      await sums.add(
        piece.at,
        piece.looks.map((look) => inSlab(look, tile)),
      );
    }
    sweep.afterBatch(some.length);
    // A run of the network blocks the thread: signals and messages get their turn here.
    await setImmediate();
  }
  handOn(sweep, tile, sums, row);
}

/**
 * Class probabilities of a whole volume: windows at a stride, the last of each axis shifted to the border, softmax averaged
 * (method.md §2.6), with uniform or Gaussian weights, mirrored looks averaged with the others. The sums are formed inside
 * the network where it offers `openWindows`, else on the host, for as many planes as a window has; planes that no further
 * window touches are handed to the receivers.
 * @throws DMX_NETWORK_OUTPUT where an output is not finite.
 */
export async function slidingWindow(
  volume: WindowVolume,
  network: WindowNetwork,
  options: SlidingWindowOptions,
  receivers: Iterable<ScoreReceiver>,
  { signal, onWindows }: WindowWatch = {},
): Promise<void> {
  const { shape } = volume;
  const { patch, blending, mirror } = options;
  const grid = layWindows(shape, options);
  const overhang = Math.max(0, ...[...receivers].map((receiver) => receiver.overhang));
  const { depth, tiles } = layTiles({ ...options, shape }, grid, overhang);
  const looks = tiles.map((tile) => looksAt(grid[0], tile, mirror));
  const total = looks.reduce((sum, some) => sum + some.length, 0);
  let done = 0;
  const sweep: Sweep = {
    ...{ volume, network, options, receivers, depth, depths: grid[0] },
    weights: lookWeights(shape, grid, options, mirrorings(mirror).length),
    beforeBatch: () => signal?.throwIfAborted(),
    afterBatch: (count) => {
      done += count;
      onWindows?.(done, total);
    },
  };
  const importance = windowImportance(patch, blending);
  for (const [index, tile] of tiles.entries()) {
    const request = { slab: [depth, ...tile.shape] as const, window: patch, ...(importance ? { importance } : {}) };
    const { classCount, batch } = options;
    const sums = await openSums(request, { ...networkCalls(network), classCount, batch });
    try {
      await sweepTile(sweep, tile, looks[index]!, sums);
    } finally {
      sums.dispose();
    }
  }
}

/** The network's methods, bound to it. */
function networkCalls(network: WindowNetwork): WindowNetwork {
  return {
    output: network.output,
    run: (x, shape) => network.run(x, shape),
    ...(network.openWindows ? { openWindows: (request) => network.openWindows!(request) } : {}),
  };
}
