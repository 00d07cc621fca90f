/** Convolutions, pooling and resizing: operations over the spatial axes of a channel-first tensor. */
import type { Node, Value } from '../graph/ir.js';
import { numberAttribute, numbersAttribute, stringAttribute } from '../lowering/context.js';
import { convGeometry, onnxConvAttributes, onnxConvTransposeAttributes } from '../lowering/conv-geometry.js';
import {
  channelFirst,
  type Portable,
  refusal,
  type Translation,
  type TranslationTable,
  type Translator,
} from './translator.js';

/** Memory [o, i, ...kernel] of a filter [...kernel, i, o]. */
function filterOrder(rank: number): readonly number[] {
  return [rank - 1, rank - 2, ...Array.from({ length: rank - 2 }, (_, axis) => axis)];
}

function result(node: Node, name: string): Portable {
  const { shape } = node.outputs[0]!;
  return { name, shape, perm: channelFirst(shape.length) };
}

function convInputs(t: Translator, [x, filter, bias]: readonly Value[]): string[] {
  const rank = x!.shape.length;
  const inputs = [t.as(x!, channelFirst(rank)), t.as(filter!, filterOrder(rank), 'weight')];
  return bias ? [...inputs, t.as(bias, [0], 'bias')] : inputs;
}

const conv: Translation = (t, node) => {
  const [x, filter] = node.inputs as [Value, Value];
  const g = convGeometry(node, x.shape, node.outputs[0]!.shape, filter.shape);
  return result(node, t.model.node('Conv', convInputs(t, node.inputs), onnxConvAttributes(g)));
};

/** The transposed convolution: recorded with the geometry of the convolution that it transposes. */
const convTranspose: Translation = (t, node) => {
  const [x, filter] = node.inputs as [Value, Value];
  const g = convGeometry(node, node.outputs[0]!.shape, x.shape, filter.shape);
  return result(node, t.model.node('ConvTranspose', convInputs(t, node.inputs), onnxConvTransposeAttributes(g)));
};

const pool: Translation = (t, node) => {
  const [x] = node.inputs as [Value];
  const [kernel, strides] = [numbersAttribute(node, 'kernel'), numbersAttribute(node, 'strides')];
  const [before, after] = [numbersAttribute(node, 'padBefore'), numbersAttribute(node, 'padAfter')];
  const sides = x.shape.slice(1, -1).map((side, axis) => {
    const room = side + before[axis]! + after[axis]! - kernel[axis]!;
    return Math.floor(room / strides[axis]!) + 1;
  });
  if (sides.join() !== node.outputs[0]!.shape.slice(1, -1).join()) {
    throw refusal(node, 'rounds its output size in a way that standard ONNX has not');
  }
  const opType = stringAttribute(node, 'kind') === 'max' ? 'MaxPool' : 'AveragePool';
  const attributes = { kernel_shape: kernel, strides, pads: [...before, ...after] };
  return result(node, t.model.node(opType, [t.as(x, channelFirst(x.shape.length))], attributes));
};

/** Coordinates of ONNX's Resize: where output position i of `to` falls on an axis of `from`. */
const COORDINATES: Readonly<Record<string, (i: number, from: number, to: number) => number>> = {
  half_pixel: (i, from, to) => ((i + 0.5) * from) / to - 0.5,
  align_corners: (i, from, to) => (to === 1 ? 0 : (i * (from - 1)) / (to - 1)),
  asymmetric: (i, from, to) => (i * from) / to,
};

/** Weights recorded as float32 or float64 numbers agree with the rule to this. */
const TOLERANCE = 1e-5;

function sameInterpolation(node: Node, from: number, position: (i: number) => number): boolean {
  const [low, high] = [numbersAttribute(node, 'low'), numbersAttribute(node, 'high')];
  return numbersAttribute(node, 'fraction').every((fraction, i) => {
    const found = low[i]! + fraction * (high[i]! - low[i]!);
    return Math.abs(found - Math.min(from - 1, Math.max(0, position(i)))) < TOLERANCE;
  });
}

/** Linear interpolation along one axis, by the rule that gives the recorded weights. */
const interpolate: Translation = (t, node) => {
  const [x] = node.inputs as [Value];
  const axis = numberAttribute(node, 'axis');
  const [from, to] = [x.shape[axis]!, node.outputs[0]!.shape[axis]!];
  const rule = Object.keys(COORDINATES).find((name) =>
    sameInterpolation(node, from, (i) => COORDINATES[name]!(i, from, to)),
  );
  if (!rule) throw refusal(node, 'interpolates in a way that standard ONNX has not');
  return resize(t, node, { mode: 'linear', coordinate_transformation_mode: rule });
};

/** Values repeated a whole number of times along one axis, or taken at fixed positions. */
const take: Translation = (t, node) => {
  const [x] = node.inputs as [Value];
  const axis = numberAttribute(node, 'axis');
  const positions = numbersAttribute(node, 'positions');
  const times = positions.length / x.shape[axis]!;
  if (Number.isInteger(times) && positions.every((position, i) => position === Math.floor(i / times))) {
    const attributes = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
    return resize(t, node, attributes);
  }
  const source = t.of(x);
  const indices = t.model.int64('indices', positions);
  const name = t.model.node('Gather', [source.name, indices], { axis: source.perm.indexOf(axis) });
  return { name, shape: node.outputs[0]!.shape, perm: source.perm };
};

function resize(t: Translator, node: Node, attributes: Readonly<Record<string, string>>): Portable {
  const [x] = node.inputs as [Value];
  const { shape } = node.outputs[0]!;
  const perm = channelFirst(shape.length);
  const scales = perm.map((axis) => shape[axis]! / x.shape[axis]!);
  const name = t.model.constant('scales', Float32Array.from(scales), [scales.length], 'float32');
  return result(node, t.model.node('Resize', [t.as(x, perm), '', name], attributes));
}

export const spatialTranslations: TranslationTable = {
  Conv: conv,
  ConvBackpropInput: convTranspose,
  Pool: pool,
  Interpolate: interpolate,
  Take: take,
};
