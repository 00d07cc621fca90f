/** Sums, activations and joins of planes: the order of memory does not matter to them. */
import type { Node } from '../graph/ir.js';
import type { Emitted } from '../lowering/emitter.js';
import type { Lowered } from '../lowering/lowered.js';
import { activationSlope } from './fuse.js';
import { fitsPlanes, hasPlanes, planesOf, planesResult } from './planes.js';
import type { NetworkScope } from './scope.js';

/** The inputs as planes, if one of them is there in that form and the others can be. */
function asPlanes(scope: NetworkScope, node: Node): Emitted[] | undefined {
  if (!node.inputs.every(({ shape }) => fitsPlanes(scope, shape))) return undefined;
  const inputs = scope.inputsOf(node);
  return inputs.some(hasPlanes) ? inputs.map((input) => planesOf(scope, input)) : undefined;
}

export function lowerAdd(scope: NetworkScope, node: Node): Lowered | undefined {
  const [a, b] = node.inputs;
  if (a!.shape.join() !== b!.shape.join()) return undefined;
  const operands = asPlanes(scope, node);
  return operands && planesResult(scope, node, scope.emitter.node('Add', operands, {}, operands[0]!.shape));
}

export function lowerActivation(scope: NetworkScope, node: Node): Lowered | undefined {
  const [x] = asPlanes(scope, node) ?? [];
  return x && planesResult(scope, node, leakyRelu(scope, x, activationSlope(node)!));
}

export function leakyRelu(scope: NetworkScope, x: Emitted, slope: number): Emitted {
  if (slope === 1) return x;
  if (slope === 0) return scope.emitter.node('Relu', [x], {}, x.shape);
  return scope.emitter.node('LeakyRelu', [x], { alpha: { float: slope } }, x.shape);
}

/** Axis of the channel blocks in the memory of planes. */
const BLOCKS = 2;

export function lowerConcat(scope: NetworkScope, node: Node): Lowered | undefined {
  if (node.attributes.axis !== 4) return undefined;
  const parts = asPlanes(scope, node);
  if (!parts) return undefined;
  const shape = [...parts[0]!.shape];
  shape[BLOCKS] = parts.reduce((sum, part) => sum + part.shape[BLOCKS]!, 0);
  return planesResult(scope, node, scope.emitter.node('Concat', parts, { axis: BLOCKS }, shape));
}
