import { activationLowerings } from './activation.js';
import { arithmeticLowerings } from './arithmetic.js';
import type { Lowering, LoweringTable } from './context.js';
import { convolutionLowerings } from './convolution.js';
import { depthwiseLowerings } from './depthwise.js';
import { elementwiseLowerings } from './elementwise.js';
import { fusedLowerings } from './fused.js';
import { indexingLowerings } from './indexing.js';
import { matMulLowerings } from './matmul.js';
import { poolingLowerings } from './pooling.js';
import { randomLowerings } from './random.js';
import { rearrangeLowerings } from './rearrange.js';
import { reduceLowerings } from './reduce.js';
import { reduceOverVoxels } from './reduce-voxels.js';
import { resizeLowerings } from './resize.js';
import { scanLowerings } from './scan.js';
import { shapeLowerings } from './shape.js';

const reduce: Lowering = (ctx, node, inputs) =>
  reduceOverVoxels(ctx, node, inputs[0]!) ?? reduceLowerings.Reduce!(ctx, node, inputs);

/** Every recorded operation and how it becomes ONNX. */
export const lowerings: LoweringTable = {
  ...elementwiseLowerings,
  ...arithmeticLowerings,
  ...activationLowerings,
  ...reduceLowerings,
  ...scanLowerings,
  ...matMulLowerings,
  ...shapeLowerings,
  ...rearrangeLowerings,
  ...indexingLowerings,
  ...resizeLowerings,
  ...poolingLowerings,
  ...depthwiseLowerings,
  ...convolutionLowerings,
  ...randomLowerings,
  ...fusedLowerings,
  Reduce: reduce,
};
