import type { KernelConfig } from '@tensorflow/tfjs-core';
import { complexKernels } from './complex.js';
import { convolutionKernels } from './convolution.js';
import { elementwiseKernels } from './elementwise.js';
import { fusedKernels } from './fused.js';
import { reduceKernels } from './reduce.js';
import { shapeKernels } from './shape.js';

/** Kernels that run inside the graph. */
export const nativeKernels: readonly KernelConfig[] = [
  ...elementwiseKernels,
  ...shapeKernels,
  ...reduceKernels,
  ...complexKernels,
  ...convolutionKernels,
  ...fusedKernels,
];
