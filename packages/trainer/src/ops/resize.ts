import type { Index3 } from '@dinomix/core';
import { matMul, reshape, type Tensor, tensor } from '@tensorflow/tfjs-core';

/**
 * Weights of linear interpolation along one axis `[1, to, from]`: the two source voxels around ratio (i + 0.5) - 0.5, which
 * is held at the borders (PyTorch's `align_corners=False`, in its float32 arithmetic).
 */
function interpolationMatrix(from: number, to: number): Tensor {
  const weights = new Float32Array(to * from);
  const ratio = Math.fround(from / to);
  for (let index = 0; index < to; index++) {
    const position = Math.max(0, Math.fround(Math.fround(ratio * (index + 0.5)) - 0.5));
    const lower = Math.min(Math.floor(position), from - 1);
    const upper = Math.min(lower + 1, from - 1);
    const share = Math.min(Math.max(position - lower, 0), 1);
    weights[index * from + lower]! += 1 - share;
    weights[index * from + upper]! += share;
  }
  return tensor(weights, [1, to, from]);
}

/** Trilinear resize of [b, d, h, w, c] to `shape`, one matrix product per axis that changes. */
export function resizeTrilinear(x: Tensor, shape: Index3): Tensor {
  let result = x;
  for (const axis of [1, 2, 3] as const) {
    const from = result.shape[axis]!;
    const to = shape[axis - 1]!;
    if (from === to) continue;
    const outer = result.shape.slice(0, axis);
    const inner = result.shape.slice(axis + 1);
    const blocks = reshape(result, [outer.reduce((a, b) => a * b, 1), from, inner.reduce((a, b) => a * b, 1)]);
    result = reshape(matMul(interpolationMatrix(from, to), blocks), [...outer, to, ...inner]);
  }
  return result;
}
