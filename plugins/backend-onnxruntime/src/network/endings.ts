/** How a compiled network ends: with logits, or with probabilities added into the sums of a volume. */
import type { Emitted } from '../lowering/emitter.js';
import { identityLayout } from '../lowering/layout.js';
import type { Lowered } from '../lowering/lowered.js';
import type { Ending } from './compile.js';
import { LANES } from './lower-conv.js';
import { hasPlanes, planeOrder, planesOf } from './planes.js';
import type { NetworkScope } from './scope.js';

/** Logits [1, d, h, w, k]. */
export const logitsEnding: Ending = (_scope, logits) => [logits.as(identityLayout(5))];

export const SUMS = 'sums';
export const ROWS = 'rows';
export const ORIGIN = 'origin';
export const IMPORTANCE = 'importance';

/** What the caller of a graph with `windowEnding` has to know. */
export interface WindowLayout {
  /** Numbers a voxel in the sums: the classes, padded where that saves a copy. */
  readonly lanes: number;
  /** The depth of each plane in the order in which the graph has them. */
  readonly planes: readonly number[];
}

/**
 * Adds importance * softmax(logits) of a window into the rows of `sums` [voxels, lanes] that `rows` + `origin` name.
 * Inputs beside the image: `sums`, `rows` int64 [n, 1], `origin` int64 [1, 1], and `importance` [n, 1] if weighted.
 */
export function windowEnding(weighted: boolean, report: (layout: WindowLayout) => void): Ending {
  return (scope, logits) => {
    const { emitter } = scope;
    const { voxels, planes } = voxelRows(scope, logits);
    const [count, lanes] = voxels.shape as [number, number];
    report({ lanes, planes });
    let updates = emitter.node('Softmax', [voxels], { axis: 1 }, [count, lanes]);
    if (weighted) {
      updates = emitter.node('Mul', [updates, emitter.input(IMPORTANCE, [count, 1], 'float32')], {}, [count, lanes]);
    }
    // A side of -1 is a free one: the same graph serves volumes of any size.
    const sums = emitter.input(SUMS, [-1, lanes], 'float32');
    const inputs = [emitter.input(ROWS, [count, 1], 'int64'), emitter.input(ORIGIN, [1, 1], 'int64')];
    const rows = emitter.node('Add', inputs, {}, [count, 1], 'int64');
    return [emitter.node('ScatterND', [sums, rows, updates], { reduction: 'add' }, sums.shape)];
  };
}

/** The logits voxel by voxel [n, lanes]. */
function voxelRows(scope: NetworkScope, logits: Lowered): { voxels: Emitted; planes: number[] } {
  const { emitter } = scope;
  const [, depth, height, width, classes] = logits.shape as [number, number, number, number, number];
  const count = depth * height * width;
  const padded = logits.extras.get(LANES);
  if (!padded && !hasPlanes(logits)) {
    const voxels = emitter.reshape(logits.as(identityLayout(5)), [count, classes]);
    return { voxels, planes: Array.from({ length: depth }, (_, plane) => plane) };
  }
  const source = padded ?? planesOf(scope, logits);
  const [, , blocks, , , block] = source.shape as [number, number, number, number, number, number];
  const lanes = blocks * block;
  const flat = emitter.reshape(source, [depth, blocks, height * width, block]);
  const voxels = emitter.reshape(emitter.transpose(flat, [0, 2, 1, 3]), [count, lanes]);
  return { voxels, planes: planeOrder(depth) };
}
