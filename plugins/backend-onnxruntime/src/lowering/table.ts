import type { LoweringTable } from './context.js';
import { convolutionLowerings } from './convolution.js';
import { elementwiseLowerings } from './elementwise.js';
import { fusedLowerings } from './fused.js';
import { reduceLowerings } from './reduce.js';
import { shapeLowerings } from './shape.js';

/** Every recorded operation and how it becomes ONNX. */
export const lowerings: LoweringTable = {
  ...elementwiseLowerings,
  ...reduceLowerings,
  ...shapeLowerings,
  ...convolutionLowerings,
  ...fusedLowerings,
};
