import { type Trace, traceOf } from '../export/trace.js';
import { createNode, type Node, type Value } from '../graph/ir.js';
import { numberAttribute } from '../lowering/context.js';
import { slopeOf } from '../lowering/leaky.js';

/** Operations that apply a leaky ReLU of attribute `slope` to their result; 1 is none. */
const CARRIERS = new Set(['Conv', 'ConvBackpropInput', 'NormActivation']);

/** Slope of a (leaky) ReLU node, undefined for other operations. */
function activationSlope(node: Node): number | undefined {
  if (node.op === 'Relu') return 0;
  return node.op === 'LeakyRelu' ? numberAttribute(node, 'alpha') : undefined;
}

/** Moves each (leaky) ReLU into the convolution or normalisation before it, where nothing else reads that one's result. */
export function fuseActivations(trace: Trace): Trace {
  const uses = new Map<Value, number>([[trace.logits, 1]]);
  for (const node of trace.order) for (const input of node.inputs) uses.set(input, (uses.get(input) ?? 0) + 1);
  const replaced = new Map<Value, Value>();
  const current = (value: Value) => replaced.get(value) ?? value;
  for (const node of trace.order) {
    const inputs = node.inputs.map(current);
    const slope = activationSlope(node);
    const carrier = inputs[0]?.node;
    const alone = uses.get(node.inputs[0]!) === 1;
    const fused = slope !== undefined && alone && carrier && CARRIERS.has(carrier.op) && slopeOf(carrier) === 1;
    const copy = fused
      ? createNode(carrier.op, carrier.inputs, { ...carrier.attributes, slope }, carrier.outputs, carrier.origin)
      : createNode(node.op, inputs, node.attributes, node.outputs, node.origin);
    node.outputs.forEach((output, index) => {
      replaced.set(output, copy.outputs[index]!);
    });
  }
  return traceOf(trace.input, current(trace.logits));
}
