import type { Node } from '../graph/ir.js';
import { numbersAttribute } from './context.js';

/** Geometry of one convolution, over its spatial axes (two or three). */
export interface ConvGeometry {
  /** Shape of the larger side: the input of a convolution. */
  readonly input: readonly number[];
  /** Shape of the smaller side: the output of a convolution. */
  readonly output: readonly number[];
  readonly kernel: readonly number[];
  readonly inChannels: number;
  readonly outChannels: number;
  readonly batch: number;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padBefore: readonly number[];
  readonly padAfter: readonly number[];
}

/** @param input shape [b, ...spatial, i]; @param output shape [b, ...spatial, o]; @param filter shape [...kernel, i, o] */
export function convGeometry(
  node: Node,
  input: readonly number[],
  output: readonly number[],
  filter: readonly number[],
): ConvGeometry {
  const rank = input.length;
  return {
    batch: input[0]!,
    input: input.slice(1, -1),
    output: output.slice(1, -1),
    kernel: filter.slice(0, rank - 2),
    inChannels: filter[rank - 2]!,
    outChannels: filter[rank - 1]!,
    strides: numbersAttribute(node, 'strides'),
    dilations: numbersAttribute(node, 'dilations'),
    padBefore: numbersAttribute(node, 'padBefore'),
    padAfter: numbersAttribute(node, 'padAfter'),
  };
}

/** Elements that the windows reach beyond the input and its leading padding, or leave unread when negative. */
export function overhang(g: ConvGeometry): number[] {
  return g.output.map((side, axis) => {
    const reach = (g.kernel[axis]! - 1) * g.dilations[axis]! + 1;
    return (side - 1) * g.strides[axis]! + reach - g.input[axis]! - g.padBefore[axis]!;
  });
}

/** Attributes of ONNX's Conv. */
export function onnxConvAttributes(g: ConvGeometry, group = 1) {
  const { kernel, strides, dilations, padBefore, padAfter } = g;
  return { kernel_shape: kernel, strides, dilations, pads: [...padBefore, ...padAfter], group };
}

/** Attributes of the ConvTranspose that leads from the output of this geometry to its input. */
export function onnxConvTransposeAttributes(g: ConvGeometry, group = 1) {
  const after = overhang(g);
  const padAfter = after.map((side) => Math.max(0, side));
  const missing = after.map((side) => Math.max(0, -side));
  return {
    ...onnxConvAttributes({ ...g, padAfter }, group),
    output_padding: missing.some((side) => side > 0) ? missing : undefined,
  };
}

const every = (items: readonly number[], value: number) => items.every((item) => item === value);

/** Kernel 3, stride 1, padded by 1: the convolution of every level. */
export function isSameThree(g: ConvGeometry): boolean {
  return (
    every(g.kernel, 3) && every(g.strides, 1) && every(g.dilations, 1) && every(g.padBefore, 1) && every(g.padAfter, 1)
  );
}

/** Kernel 2, stride 2, no padding, whole windows: the step between two levels. */
export function isHalving(g: ConvGeometry): boolean {
  return (
    every(g.kernel, 2) &&
    every(g.strides, 2) &&
    every(g.dilations, 1) &&
    every(g.padBefore, 0) &&
    every(g.padAfter, 0) &&
    g.input.every((side) => side % 2 === 0)
  );
}

/** Kernel 1, stride 1: a matrix product per voxel. */
export function isPointwise(g: ConvGeometry): boolean {
  return every(g.kernel, 1) && every(g.strides, 1) && every(g.padBefore, 0) && every(g.padAfter, 0);
}

export function product(items: readonly number[]): number {
  let result = 1;
  for (const item of items) result *= item;
  return result;
}
