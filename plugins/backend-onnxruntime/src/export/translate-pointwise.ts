/** Elementwise operations, activations and normalisations. */
import type { Node, Value } from '../graph/ir.js';
import { numberAttribute, stringAttribute } from '../lowering/context.js';
import {
  channelFirst,
  type Portable,
  refusal,
  type Translation,
  type TranslationTable,
  type Translator,
} from './translator.js';

const UNARY: Readonly<Record<string, string>> = {
  Abs: 'Abs',
  Neg: 'Neg',
  Exp: 'Exp',
  Log: 'Log',
  Sqrt: 'Sqrt',
  Reciprocal: 'Reciprocal',
  Floor: 'Floor',
  Ceil: 'Ceil',
  Tanh: 'Tanh',
  Sigmoid: 'Sigmoid',
  Softplus: 'Softplus',
  Erf: 'Erf',
  Relu: 'Relu',
  Elu: 'Elu',
  Selu: 'Selu',
};

const BINARY: Readonly<Record<string, string>> = {
  Add: 'Add',
  Sub: 'Sub',
  Multiply: 'Mul',
  RealDiv: 'Div',
  Pow: 'Pow',
  Maximum: 'Max',
  Minimum: 'Min',
  Prelu: 'PRelu',
};

/** Order of memory of the operand that has the full size. */
function commonOrder(t: Translator, node: Node): readonly number[] {
  const { shape } = node.outputs[0]!;
  const full = node.inputs.filter((input) => !t.isConstant(input) && input.shape.length === shape.length);
  const largest = full.find((input) => input.shape.join() === shape.join()) ?? full[0];
  return largest ? t.of(largest).perm : channelFirst(shape.length);
}

function elementwise(emit: (t: Translator, operands: readonly string[], node: Node) => string): Translation {
  return (t, node) => {
    const { shape } = node.outputs[0]!;
    if (node.inputs.some((input) => input.dtype !== 'float32'))
      throw refusal(node, 'works on other numbers than float32');
    const perm = commonOrder(t, node);
    const operands = node.inputs.map((input) => t.operand(input, perm));
    return { name: emit(t, operands, node), shape, perm };
  };
}

/** leaky ReLU; 1 is no activation. */
function activated(t: Translator, x: string, slope: number): string {
  if (slope === 1) return x;
  return slope === 0 ? t.model.node('Relu', [x]) : t.model.node('LeakyRelu', [x], { alpha: { float: slope } });
}

/** x factor + shift, both [c]. */
function scaled(t: Translator, x: string, [factor, shift]: readonly [Value, Value], perm: readonly number[]): string {
  return t.model.node('Add', [t.model.node('Mul', [x, t.operand(factor, perm)]), t.operand(shift, perm)]);
}

const channelAffine: Translation = (t, node) => {
  const [x, factor, shift] = node.inputs as [Value, Value, Value];
  const perm = channelFirst(x.shape.length);
  const value = scaled(t, t.as(x, perm), [factor, shift], perm);
  return { name: activated(t, value, numberAttribute(node, 'slope')), shape: x.shape, perm };
};

const normActivation: Translation = (t, node) => {
  const [x, scale, offset] = node.inputs as [Value, Value, Value];
  const norm = stringAttribute(node, 'norm');
  if (norm === 'batch')
    throw refusal(node, 'normalises by the statistics of the batch: it was recorded in training mode');
  const perm = channelFirst(x.shape.length);
  const epsilon = { float: numberAttribute(node, 'epsilon') };
  const source = t.as(x, perm);
  const value =
    norm === 'instance'
      ? t.model.node('InstanceNormalization', [source, t.as(scale, [0], 'scale'), t.as(offset, [0], 'offset')], {
          epsilon,
        })
      : groupNorm(t, source, [scale, offset], numberAttribute(node, 'groups'), epsilon, perm);
  return { name: activated(t, value, numberAttribute(node, 'slope')), shape: x.shape, perm };
};

/** Groups as the channels of an instance normalisation: [b, c, ...] as [b, groups, rest]. */
function groupNorm(
  t: Translator,
  x: string,
  affine: readonly [Value, Value],
  groups: number,
  epsilon: { readonly float: number },
  perm: readonly number[],
): string {
  const grouped = t.model.node('Reshape', [x, t.model.int64('groups', [0, groups, -1])]);
  const ones = t.model.constant('ones', new Float32Array(groups).fill(1), [groups], 'float32');
  const zeros = t.model.constant('zeros', new Float32Array(groups), [groups], 'float32');
  const normal = t.model.node('InstanceNormalization', [grouped, ones, zeros], { epsilon });
  const restored = t.model.node('Reshape', [normal, t.model.node('Shape', [x])]);
  return scaled(t, restored, affine, perm);
}

const softmax: Translation = (t, node) => {
  const source: Portable = t.of(node.inputs[0]!);
  const last = source.perm.indexOf(source.shape.length - 1);
  return { ...source, name: t.model.node('Softmax', [source.name], { axis: last }) };
};

function table(): TranslationTable {
  const simple = (opType: string): Translation => elementwise((t, operands) => t.model.node(opType, operands));
  const named = Object.fromEntries(Object.entries({ ...UNARY, ...BINARY }).map(([op, opType]) => [op, simple(opType)]));
  return {
    ...named,
    Square: elementwise((t, [x]) => t.model.node('Mul', [x!, x!])),
    Rsqrt: elementwise((t, [x]) => t.model.node('Reciprocal', [t.model.node('Sqrt', [x!])])),
    SquaredDifference: elementwise((t, operands) => {
      const difference = t.model.node('Sub', operands);
      return t.model.node('Mul', [difference, difference]);
    }),
    Relu6: elementwise((t, [x]) => {
      const bound = (value: number) => t.model.constant('bound', Float32Array.of(value), [], 'float32');
      return t.model.node('Clip', [x!, bound(0), bound(6)]);
    }),
    Clip: elementwise((t, operands) => t.model.node('Clip', operands)),
    LeakyRelu: elementwise((t, [x], node) => activated(t, x!, numberAttribute(node, 'alpha'))),
    ChannelAffine: channelAffine,
    NormActivation: normActivation,
    Softmax: softmax,
  };
}

export const pointwiseTranslations: TranslationTable = table();
