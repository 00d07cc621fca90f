import type { OnnxRuntimeBackend } from '../backend.js';
import type { Value } from '../graph/ir.js';

/** A graph value [b, c, h, w] as [b, h, w, c]: the same memory under another name. */
export function channelLast(backend: OnnxRuntimeBackend, x: Value, format: string | undefined): Value {
  return format === 'NCHW' ? permuted(backend, x, [0, 2, 3, 1]) : x;
}

export function channelFirst(backend: OnnxRuntimeBackend, x: Value, format: string | undefined): Value {
  return format === 'NCHW' ? permuted(backend, x, [0, 3, 1, 2]) : x;
}

function permuted(backend: OnnxRuntimeBackend, x: Value, perm: readonly number[]): Value {
  const shape = perm.map((axis) => x.shape[axis]!);
  return backend.compose('Transpose', [x], { perm }, shape, x.dtype);
}
