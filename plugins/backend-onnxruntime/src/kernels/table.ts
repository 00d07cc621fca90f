import type { KernelConfig } from '@tensorflow/tfjs-core';
import { complexKernels } from './complex.js';
import { convolutionKernels } from './convolution.js';
import { depthwiseKernels } from './depthwise.js';
import { elementwiseKernels } from './elementwise.js';
import { fillKernels } from './fill.js';
import { fusedKernels } from './fused.js';
import { gatherKernels } from './gather.js';
import { joinKernels } from './join.js';
import { matMulKernels } from './matmul.js';
import { normalizationKernels } from './normalization.js';
import { poolingKernels } from './pooling.js';
import { randomKernels } from './random.js';
import { rearrangeKernels } from './rearrange.js';
import { reduceKernels } from './reduce.js';
import { resizeKernels } from './resize.js';
import { scanKernels } from './scan.js';
import { scatterKernels } from './scatter.js';
import { shapeKernels } from './shape.js';

/** Kernels that run inside the graph. */
export const nativeKernels: readonly KernelConfig[] = [
  ...elementwiseKernels,
  ...shapeKernels,
  ...joinKernels,
  ...rearrangeKernels,
  ...fillKernels,
  ...reduceKernels,
  ...scanKernels,
  ...matMulKernels,
  ...gatherKernels,
  ...scatterKernels,
  ...complexKernels,
  ...convolutionKernels,
  ...depthwiseKernels,
  ...poolingKernels,
  ...normalizationKernels,
  ...resizeKernels,
  ...randomKernels,
  ...fusedKernels,
];
