import type { NamedTensors } from '@dinomix/core';
import { addN, div, maximum, mul, scalar, sqrt, square, sum, type Tensor } from '@tensorflow/tfjs-core';

/**
 * Gradients whose norm over all parameters of a student together is at most `norm`: g · norm / max(|g|, norm) (Pascanu et al.
 * 2013, arXiv 1211.5063). @param norm - null leaves them.
 */
export function clipGradients(gradients: NamedTensors<Tensor>, norm: number | null): NamedTensors<Tensor> {
  if (norm === null) return gradients;
  const squares = Object.values(gradients).map((gradient) => sum(square(gradient)));
  const length = sqrt(squares.length === 1 ? squares[0]! : addN(squares));
  const factor = div(norm, maximum(length, scalar(norm)));
  return Object.fromEntries(Object.entries(gradients).map(([name, gradient]) => [name, mul(gradient, factor)]));
}
