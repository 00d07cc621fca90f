import { clone, customGrad, mul, type Tensor } from '@tensorflow/tfjs-core';

/** The values of `x` as a constant of the tape. What a custom gradient closes over is no input of it, so that none passes. */
export function detach(x: Tensor): Tensor {
  return customGrad(() => ({ value: clone(x), gradFunc: () => [] }))();
}

/** The values of `x`; the gradient that passes is multiplied by `factor` (Ganin and Lempitsky 2015, arXiv 1409.7495, for -λ). */
export function scaleGradient(x: Tensor, factor: number | Tensor): Tensor {
  const scaled = customGrad((...args: unknown[]) => {
    const [value] = args as [Tensor];
    return { value: clone(value), gradFunc: (dy: Tensor) => mul(dy, factor) };
  });
  return scaled(x);
}
