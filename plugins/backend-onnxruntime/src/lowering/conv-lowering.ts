import type { Node } from '../graph/ir.js';
import type { LoweringContext } from './context.js';
import type { ConvGeometry } from './conv-geometry.js';
import type { Lowered } from './lowered.js';

/** One way to compute a convolution of x, or of dy when it is transposed. */
export type ConvLowering = (
  ctx: LoweringContext,
  node: Node,
  g: ConvGeometry,
  x: Lowered,
  filter: Lowered,
  bias?: Lowered,
) => Lowered;

/** One way to compute a gradient: with respect to the input from dy and the filter, to the filter from x and dy. */
export type ConvGradient = (
  ctx: LoweringContext,
  node: Node,
  g: ConvGeometry,
  first: Lowered,
  second: Lowered,
) => Lowered;
