import type { Lowering, LoweringTable } from './context.js';
import { convolutionLowerings } from './convolution.js';
import { elementwiseLowerings } from './elementwise.js';
import { fusedLowerings } from './fused.js';
import { reduceLowerings } from './reduce.js';
import { reduceOverVoxels } from './reduce-voxels.js';
import { shapeLowerings } from './shape.js';

const reduce: Lowering = (ctx, node, inputs) =>
  reduceOverVoxels(ctx, node, inputs[0]!) ?? reduceLowerings.Reduce!(ctx, node, inputs);

/** Every recorded operation and how it becomes ONNX. */
export const lowerings: LoweringTable = {
  ...elementwiseLowerings,
  ...reduceLowerings,
  ...shapeLowerings,
  ...convolutionLowerings,
  ...fusedLowerings,
  Reduce: reduce,
};
