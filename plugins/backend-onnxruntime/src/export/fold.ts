import { createNode, type Node, type Value } from '../graph/ir.js';
import { numberAttribute } from '../lowering/context.js';
import { constantData, constantOf, unspread } from './constants.js';
import { type Trace, traceOf } from './trace.js';

/** y = leaky(x factor + shift), one factor and shift a channel. */
interface Affine {
  readonly factor: Float64Array;
  readonly shift: Float64Array;
  /** 1 is no activation. */
  readonly slope: number;
}

/**
 * Folds every affine map per channel that follows a convolution (a normalisation with known statistics, a bias) into the
 * convolution's filter and bias, (W x + b) f + s = (f W) x + (b f + s), and one that follows a normalisation into its scale
 * and offset. Computed in double precision, stored in single.
 */
export function foldAffines(trace: Trace): Trace {
  const uses = countUses(trace);
  const replaced = new Map<Value, Value>();
  const current = (value: Value) => replaced.get(value) ?? value;
  for (const node of trace.order) {
    if (!node.outputs.some((output) => trace.depends(output))) continue;
    const inputs = node.inputs.map(current);
    const folded = foldNode(trace, node, inputs, uses);
    if (folded) replaced.set(node.outputs[0]!, folded);
    else if (inputs.some((value, index) => value !== node.inputs[index])) {
      const copy = createNode(node.op, inputs, node.attributes, node.outputs, node.origin);
      node.outputs.forEach((output, index) => {
        replaced.set(output, copy.outputs[index]!);
      });
    }
  }
  return traceOf(trace.input, current(trace.logits));
}

function countUses(trace: Trace): ReadonlyMap<Value, number> {
  const uses = new Map<Value, number>([[trace.logits, 1]]);
  for (const node of trace.order) for (const input of node.inputs) uses.set(input, (uses.get(input) ?? 0) + 1);
  return uses;
}

function foldNode(
  trace: Trace,
  node: Node,
  inputs: readonly Value[],
  uses: ReadonlyMap<Value, number>,
): Value | undefined {
  const position = node.inputs.findIndex((input) => trace.depends(input));
  const source = inputs[position]?.node;
  if (!source || !isFoldable(trace, source) || uses.get(node.inputs[position]!) !== 1) return undefined;
  const affine = affineOf(trace, node, position);
  if (!affine) return undefined;
  const scaled = source.op === 'NormActivation' ? scaledNorm(source, affine) : scaledConv(source, affine);
  const result = scaled.outputs[0]!;
  if (affine.slope === 1) return result;
  const attributes = { alpha: affine.slope };
  return createNode('LeakyRelu', [result], attributes, [{ shape: result.shape, dtype: 'float32' }], node.origin)
    .outputs[0];
}

function isFoldable(trace: Trace, node: Node): boolean {
  const [, ...parameters] = node.inputs;
  if (parameters.some((value) => trace.depends(value))) return false;
  if (node.op === 'NormActivation') return numberAttribute(node, 'slope') === 1;
  return node.op === 'Conv' || node.op === 'ConvBackpropInput';
}

function affineOf(trace: Trace, node: Node, position: number): Affine | undefined {
  const output = node.outputs[0]!;
  const channels = output.shape[output.shape.length - 1]!;
  if (output.shape.join() !== node.inputs[position]!.shape.join()) return undefined;
  if (node.op === 'ChannelAffine') {
    const [, factor, shift] = node.inputs;
    if (trace.depends(factor!) || trace.depends(shift!)) return undefined;
    return {
      factor: Float64Array.from(constantData(factor!)),
      shift: Float64Array.from(constantData(shift!)),
      slope: numberAttribute(node, 'slope'),
    };
  }
  const other = node.inputs[1 - position];
  if (node.inputs.length !== 2 || !other || trace.depends(other)) return undefined;
  const operand = perChannel(other, channels);
  return operand && arithmeticAffine(node.op, operand, position);
}

/** One number a channel, out of a constant whose other sides are one. */
function perChannel(value: Value, channels: number): Float64Array | undefined {
  const source = unspread(value);
  const { shape } = source;
  if (shape.slice(0, -1).some((side) => side !== 1)) return undefined;
  const data = constantData(source);
  if (data.length === 1) return new Float64Array(channels).fill(data[0]!);
  return data.length === channels ? Float64Array.from(data) : undefined;
}

/** @param position place of the tensor among the two operands */
function arithmeticAffine(op: string, operand: Float64Array, position: number): Affine | undefined {
  const filled = (value: number) => new Float64Array(operand.length).fill(value);
  const slope = 1;
  if (op === 'Add') return { factor: filled(1), shift: operand, slope };
  if (op === 'Sub' && position === 0) return { factor: filled(1), shift: operand.map((value) => -value), slope };
  if (op === 'Sub') return { factor: filled(-1), shift: operand, slope };
  if (op === 'Multiply') return { factor: operand, shift: filled(0), slope };
  if (op === 'RealDiv' && position === 0) return { factor: operand.map((value) => 1 / value), shift: filled(0), slope };
  return undefined;
}

function mapped(values: ArrayLike<number>, change: (value: number, channel: number) => number): Value {
  return constantOf(Float32Array.from(values, change), [values.length]);
}

function scaledNorm(node: Node, { factor, shift }: Affine): Node {
  const [x, scale, offset] = node.inputs as [Value, Value, Value];
  const inputs = [
    x,
    mapped(constantData(scale), (value, channel) => value * factor[channel]!),
    mapped(constantData(offset), (value, channel) => value * factor[channel]! + shift[channel]!),
  ];
  return createNode(node.op, inputs, node.attributes, node.outputs, node.origin);
}

/** A filter is [...kernel, in, out]; the transposed convolution's output channels are its `in`. */
function scaledConv(conv: Node, { factor, shift }: Affine): Node {
  const [x, filter, bias] = conv.inputs as [Value, Value, Value | undefined];
  const [into, out] = filter.shape.slice(-2) as [number, number];
  const channelOf =
    conv.op === 'Conv' ? (index: number) => index % out : (index: number) => Math.floor(index / out) % into;
  const weights = new Float32Array(constantData(filter));
  for (let index = 0; index < weights.length; index++) weights[index] = weights[index]! * factor[channelOf(index)]!;
  const old = bias ? constantData(bias) : new Float32Array(factor.length);
  const offset = mapped(old, (value, channel) => value * factor[channel]! + shift[channel]!);
  const inputs = [x, constantOf(weights, filter.shape), offset];
  return createNode(conv.op, inputs, conv.attributes, conv.outputs, conv.origin);
}
