/** How a compiled network ends: with logits, or with probabilities added into the sums of a slab. */

import { LANES } from '../lowering/conv-pointwise.js';
import type { Emitted } from '../lowering/emitter.js';
import { identityLayout, planesLayout, sameLayout } from '../lowering/layout.js';
import type { Lowered } from '../lowering/lowered.js';
import { strided } from '../lowering/windows.js';
import type { Ending } from './compile.js';
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
  /** Results of the graph, each to be written into the sums. */
  readonly results: number;
}

/** Bytes of probabilities up to which a window is added in one piece; several of this size are alive at the same time. */
const PIECE = 2 ** 27;

/**
 * Adds importance * softmax(logits) of a window into the rows of `sums` [voxels, lanes] that `rows` + `origin` name, some
 * planes at a time.
 * Inputs beside the image: `sums`, `rows` int64 [n, 1], `origin` int64 [1, 1], and `importance` [n, 1] if weighted.
 * @param pieceBytes - of the probabilities of the planes that are added together.
 */
export function windowEnding(weighted: boolean, report: (layout: WindowLayout) => void, pieceBytes = PIECE): Ending {
  return (scope, logits) => {
    const { emitter, ctx } = scope;
    const { values, lanes } = planeRows(scope, logits);
    const [depth] = values.shape as [number, ...number[]];
    const area = (logits.shape[2] as number) * (logits.shape[3] as number);
    const count = depth * area;
    const importance = weighted ? emitter.input(IMPORTANCE, [count, 1], 'float32') : undefined;
    // A side of -1 is a free one: the same graph serves slabs of any size.
    const sums = emitter.input(SUMS, [-1, lanes], 'float32');
    const inputs = [emitter.input(ROWS, [count, 1], 'int64'), emitter.input(ORIGIN, [1, 1], 'int64')];
    const rows = emitter.node('Add', inputs, {}, [count, 1], 'int64');
    const pieces = piecesOf(depth, Math.max(1, Math.floor(pieceBytes / (4 * area * lanes))));
    report({ lanes, results: pieces.length });
    return pieces.map(([from, to]) => {
      const part = (x: Emitted) => strided(ctx, x, [0], [from * area], [to * area]);
      const voxels = voxelRows(scope, strided(ctx, values, [0], [from], [to]), lanes);
      let updates = emitter.node('Softmax', [voxels], { axis: 1 }, voxels.shape);
      if (importance) updates = emitter.node('Mul', [updates, part(importance)], {}, voxels.shape);
      return emitter.node('ScatterND', [sums, part(rows), updates], { reduction: 'add' }, sums.shape);
    });
  };
}

/** First plane, and the one after the last, of pieces of at most `most` planes. */
function piecesOf(depth: number, most: number): (readonly [from: number, to: number])[] {
  const count = Math.ceil(depth / most);
  const at = (piece: number) => Math.round((piece * depth) / count);
  return Array.from({ length: count }, (_, piece) => [at(piece), at(piece + 1)] as const);
}

/** The logits plane by plane: [d, h, w, k], or [d, k/B, h * w, B] where they lie in channel blocks. */
function planeRows({ emitter, block }: NetworkScope, logits: Lowered): { values: Emitted; lanes: number } {
  const [, depth, height, width, classes] = logits.shape as [number, number, number, number, number];
  const planes = planesLayout(5, block);
  const blocked = logits.extras.get(LANES) ?? (sameLayout(logits.primary, planes) ? logits.as(planes) : undefined);
  if (!blocked) {
    return { values: emitter.reshape(logits.as(identityLayout(5)), [depth, height, width, classes]), lanes: classes };
  }
  const blocks = blocked.shape[2]!;
  return { values: emitter.reshape(blocked, [depth, blocks, height * width, block]), lanes: blocks * block };
}

/** The logits of some planes voxel by voxel [n, lanes]. */
function voxelRows({ emitter }: NetworkScope, values: Emitted, lanes: number): Emitted {
  const count = values.shape.reduce((product, side) => product * side, 1) / lanes;
  const [, , , inner] = values.shape;
  if (inner === lanes) return emitter.reshape(values, [count, lanes]);
  return emitter.reshape(emitter.transpose(values, [0, 2, 1, 3]), [count, lanes]);
}
