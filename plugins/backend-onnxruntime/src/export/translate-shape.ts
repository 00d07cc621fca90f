/** Operations that rearrange, join, cut or reduce. */
import type { Node, Value } from '../graph/ir.js';
import { booleanAttribute, numberAttribute, numbersAttribute, stringAttribute } from '../lowering/context.js';
import {
  channelFirst,
  identity,
  type Portable,
  refusal,
  type Translation,
  type TranslationTable,
  type Translator,
} from './translator.js';

/** End of an axis of any length. */
const TO_THE_END = 2n ** 63n - 1n;

const concat: Translation = (t, node) => {
  const axis = numberAttribute(node, 'axis');
  const first = node.inputs.find((input) => !t.isConstant(input))!;
  const { perm } = t.of(first);
  const parts = node.inputs.map((input) => t.as(input, perm));
  const name = t.model.node('Concat', parts, { axis: perm.indexOf(axis) });
  return { name, shape: node.outputs[0]!.shape, perm };
};

const slice: Translation = (t, node) => {
  const [x] = node.inputs as [Value];
  const source = t.of(x);
  const begin = numbersAttribute(node, 'begin');
  const { shape } = node.outputs[0]!;
  const cut = shape.flatMap((side, axis) => (begin[axis] === 0 && side === x.shape[axis] ? [] : [axis]));
  if (cut.length === 0) return source;
  const ends = cut.map((axis) => {
    const end = begin[axis]! + shape[axis]!;
    return end === x.shape[axis] ? TO_THE_END : BigInt(end);
  });
  const starts = cut.map((axis) => begin[axis]!);
  const axes = cut.map((axis) => source.perm.indexOf(axis));
  const inputs = [t.model.int64('starts', starts), t.model.int64('ends', ends), t.model.int64('axes', axes)];
  return { name: t.model.node('Slice', [source.name, ...inputs]), shape, perm: source.perm };
};

const pad: Translation = (t, node) => {
  const source = t.of(node.inputs[0]!);
  const before = numbersAttribute(node, 'before');
  const after = numbersAttribute(node, 'after');
  const amounts = [...source.perm.map((axis) => before[axis]!), ...source.perm.map((axis) => after[axis]!)];
  const name = t.model.node('Pad', [source.name, t.model.int64('pads', amounts), t.as(node.inputs[1]!, [])]);
  return { name, shape: node.outputs[0]!.shape, perm: source.perm };
};

const transpose: Translation = (t, node) => {
  const source = t.of(node.inputs[0]!);
  const order = numbersAttribute(node, 'perm');
  return { name: source.name, shape: node.outputs[0]!.shape, perm: source.perm.map((axis) => order.indexOf(axis)) };
};

/** Equal leading sides are copied and one free side is inferred, so that other sizes pass where the recording allows. */
function freeShape(from: readonly number[], to: readonly number[]): number[] {
  let lead = 0;
  while (lead < from.length && lead < to.length && from[lead] === to[lead]) lead++;
  let tail = 0;
  while (tail < from.length - lead && tail < to.length - lead && from.at(-1 - tail) === to.at(-1 - tail)) tail++;
  const result = to.map((side, axis) => (axis < lead ? 0 : side));
  if (to.length - lead - tail === 1) result[lead] = -1;
  return result;
}

const reshape: Translation = (t, node) => {
  const [x] = node.inputs as [Value];
  const { shape } = node.outputs[0]!;
  const source = t.as(x, identity(x.shape.length));
  const name = t.model.node('Reshape', [source, t.model.int64('shape', freeShape(x.shape, shape))]);
  return { name, shape, perm: identity(shape.length) };
};

const reduce: Translation = (t, node) => {
  const source = t.of(node.inputs[0]!);
  const axes = numbersAttribute(node, 'axes');
  const kind = stringAttribute(node, 'kind');
  if (!['Sum', 'Mean', 'Max', 'Min', 'Prod'].includes(kind)) throw refusal(node, 'reduces truth values');
  const keepDims = booleanAttribute(node, 'keepDims');
  const physical = axes.map((axis) => source.perm.indexOf(axis)).sort((a, b) => a - b);
  const inputs = [source.name, t.model.int64('axes', physical)];
  const name = t.model.node(`Reduce${kind}`, inputs, { keepdims: keepDims ? 1 : 0 });
  const { shape } = node.outputs[0]!;
  if (keepDims) return { name, shape, perm: source.perm };
  const kept = source.perm.filter((axis) => !axes.includes(axis));
  return { name, shape, perm: kept.map((axis) => axis - axes.filter((other) => other < axis).length) };
};

function matrix(t: Translator, value: Value, transposed: boolean): string {
  const rank = value.shape.length;
  const perm = [...identity(rank)];
  if (transposed) [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
  return t.as(value, perm, 'weight');
}

const matMul: Translation = (t, node) => {
  const [a, b] = node.inputs as [Value, Value];
  const operands = [
    matrix(t, a, booleanAttribute(node, 'transposeA')),
    matrix(t, b, booleanAttribute(node, 'transposeB')),
  ];
  const { shape } = node.outputs[0]!;
  return { name: t.model.node('MatMul', operands), shape, perm: identity(shape.length) };
};

const broadcast: Translation = (t, node: Node): Portable => {
  const { shape } = node.outputs[0]!;
  const perm = channelFirst(shape.length);
  const sides = t.model.int64(
    'shape',
    perm.map((axis) => shape[axis]!),
  );
  return { name: t.model.node('Expand', [t.operand(node.inputs[0]!, perm), sides]), shape, perm };
};

export const shapeTranslations: TranslationTable = {
  Concat: concat,
  Slice: slice,
  Pad: pad,
  Transpose: transpose,
  Reshape: reshape,
  Reduce: reduce,
  MatMul: matMul,
  Broadcast: broadcast,
};
