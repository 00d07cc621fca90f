import type { Index3 } from '@dinomix/core';
import { product } from '../lowering/conv-geometry.js';
import { importanceRows, rowsOf } from './window-rows.js';
import type { Mirror, WindowRequest } from './windows.js';

/** Adds importance * softmax(logits [voxels, classes]) of one window into the sums, on the host. */
export function addOnHost(
  sums: Float32Array,
  logits: Float32Array,
  classes: number,
  request: WindowRequest,
  origin: Index3,
  mirror: Mirror,
): void {
  const { volume, window, importance } = request;
  const planes = Array.from({ length: window[0] }, (_, plane) => plane);
  const low = new Uint32Array(rowsOf({ window, volume, planes, mirror, origin }).buffer);
  const weights = importance && importanceRows(importance, window, planes, mirror);
  const scores = new Float64Array(classes);
  for (let voxel = 0; voxel < product(window); voxel++) {
    const to = low[2 * voxel]! * classes;
    if (to >= sums.length) continue;
    const from = voxel * classes;
    let largest = Number.NEGATIVE_INFINITY;
    for (let label = 0; label < classes; label++) largest = Math.max(largest, logits[from + label]!);
    let total = 0;
    for (let label = 0; label < classes; label++) total += scores[label] = Math.exp(logits[from + label]! - largest);
    const share = (weights?.[voxel] ?? 1) / total;
    for (let label = 0; label < classes; label++) sums[to + label]! += scores[label]! * share;
  }
}
