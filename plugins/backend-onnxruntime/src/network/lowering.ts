import { createNode, type Node } from '../graph/ir.js';
import { convGeometry } from '../lowering/conv-geometry.js';
import type { Lowered } from '../lowering/lowered.js';
import { lowerings } from '../lowering/table.js';
import { slopeOf } from './fuse.js';
import { lowerConv } from './lower-conv.js';
import { lowerActivation, lowerAdd, lowerConcat } from './lower-elementwise.js';
import { lowerNorm } from './lower-norm.js';
import { lowerDoubling, lowerHalving } from './lower-resample.js';
import type { NetworkScope } from './scope.js';

type PlaneLowering = (scope: NetworkScope, node: Node) => Lowered | undefined;

const planeLowerings: Readonly<Record<string, PlaneLowering>> = {
  Conv(scope, node) {
    const g = convGeometry(node, node.inputs[0]!.shape, node.outputs[0]!.shape, node.inputs[1]!.shape);
    return lowerConv(scope, node, g) ?? lowerHalving(scope, node, g);
  },
  ConvBackpropInput(scope, node) {
    const g = convGeometry(node, node.outputs[0]!.shape, node.inputs[0]!.shape, node.inputs[1]!.shape);
    return lowerDoubling(scope, node, g);
  },
  Add: lowerAdd,
  Relu: lowerActivation,
  LeakyRelu: lowerActivation,
  Concat: lowerConcat,
  NormActivation: lowerNorm,
};

/** Lowers one node plane by plane where that is possible, else as in training. */
export function lowerNetworkNode(scope: NetworkScope, node: Node): void {
  const planes = scope.block > 0 ? planeLowerings[node.op]?.(scope, node) : undefined;
  scope.set(node.outputs[0]!, planes ?? lowerAsInTraining(scope, node));
}

function lowerAsInTraining(scope: NetworkScope, node: Node): Lowered {
  const { ctx } = scope;
  const value = lowerings[node.op]!(ctx, node, scope.inputsOf(node))[0]!;
  const slope = slopeOf(node);
  if (slope === 1 || node.op === 'NormActivation') return value;
  const output = { shape: value.shape, dtype: value.dtype };
  const activation = createNode('LeakyRelu', [node.outputs[0]!], { alpha: slope }, [output], node.origin);
  return lowerings.LeakyRelu!(ctx, activation, [value])[0]!;
}
