import type { Node } from '../graph/ir.js';
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
import { bySamples, sumOverSamples } from './samples.js';
import { scanLowerings } from './scan.js';
import { shapeLowerings } from './shape.js';

const reduceWhole: Lowering = (ctx, node, inputs) =>
  reduceOverVoxels(ctx, node, inputs[0]!) ?? reduceLowerings.Reduce!(ctx, node, inputs);

const overSamples = ({ attributes: { axes } }: Node) => (axes as readonly number[]).includes(0);

const reduce = bySamples(
  sumOverSamples(reduceWhole, (node) => overSamples(node) && node.attributes.kind === 'Sum'),
  'first',
  (node) => !overSamples(node),
);

/** Every elementwise operation works on some samples as on all. */
const bySamplesOfAll = (table: LoweringTable): LoweringTable =>
  Object.fromEntries(Object.entries(table).map(([op, lowering]) => [op, bySamples(lowering, 'all')]));

/** Every recorded operation and how it becomes ONNX. */
export const lowerings: LoweringTable = {
  ...bySamplesOfAll({ ...elementwiseLowerings, ...arithmeticLowerings, ...activationLowerings }),
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
