import type { Node } from '../graph/ir.js';
import { lowerings } from '../lowering/table.js';
import type { NetworkScope } from './scope.js';

export function lowerNetworkNode(scope: NetworkScope, node: Node): void {
  const [value] = lowerings[node.op]!(scope.ctx, node, scope.inputsOf(node));
  scope.set(node.outputs[0]!, value!);
}
