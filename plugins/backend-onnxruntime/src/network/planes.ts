/**
 * Images of one sample plane by plane: memory [phase, tile, c/B, h, w, B], where plane d is tile floor(d / phases) of
 * phase d mod phases. Each plane is an image of its own for ONNX Runtime's internal two-dimensional operators, which pad
 * it by themselves; and the planes of one phase lie together, so that combinations of neighbouring planes (Winograd's
 * transforms, pairs of a halving) are small dense convolutions over [phases, tiles].
 */
import type { Node } from '../graph/ir.js';
import type { EmitAttributes, Emitted } from '../lowering/emitter.js';
import { MICROSOFT_DOMAIN } from '../lowering/emitter.js';
import { blockedLayout, type Layout } from '../lowering/layout.js';
import type { Lowered } from '../lowering/lowered.js';
import type { NetworkScope } from './scope.js';

/** Name of the form in `Lowered.extras`. Memory as above. */
const PLANES = 'planes';

/** Phases of a depth: those of the largest Winograd tile that divides it. */
export function phasesOf(depth: number): 1 | 2 | 4 {
  if (depth % 4 === 0) return 4;
  return depth % 2 === 0 ? 2 : 1;
}

/** Planes in the order of memory: the depth index of each. */
export function planeOrder(depth: number): number[] {
  const phases = phasesOf(depth);
  return Array.from({ length: depth }, (_, index) => {
    const tiles = depth / phases;
    return (index % tiles) * phases + Math.floor(index / tiles);
  });
}

/** Memory of planes [phases, tiles, blocks, h, w, block]. */
export function planesShape(size: readonly number[], channels: number, block: number): number[] {
  const [depth, height, width] = size as [number, number, number];
  const phases = phasesOf(depth);
  return [phases, depth / phases, channels / block, height, width, block];
}

export function hasPlanes(x: Lowered): boolean {
  return x.extras.has(PLANES);
}

/** Whether a value of one sample can lie in planes. */
export function fitsPlanes(scope: NetworkScope, shape: readonly number[]): boolean {
  return shape.length === 5 && shape[0] === 1 && shape[4]! % scope.block === 0;
}

/** The planes of a value whose channels are whole blocks. */
export function planesOf(scope: NetworkScope, x: Lowered): Emitted {
  const known = x.extras.get(PLANES);
  if (known) return known;
  const { emitter, block } = scope;
  const [, ...rest] = x.shape as [number, number, number, number, number];
  const [depth, height, width, channels] = rest as [number, number, number, number];
  const phases = phasesOf(depth);
  const source = emitter.reshape(x.as(blockedLayout(5, block)), [
    channels / block,
    depth / phases,
    phases,
    height * width * block,
  ]);
  const moved = emitter.transpose(source, [2, 1, 0, 3]);
  const planes = emitter.reshape(moved, planesShape([depth, height, width], channels, block));
  x.extras.set(PLANES, planes);
  return planes;
}

/** Wraps planes as the result of a node; the usual blocked form is there for who asks. */
export function planesResult(scope: NetworkScope, node: Node, planes: Emitted): Lowered {
  const { emitter, block } = scope;
  const [phases, tiles, blocks, height, width] = planes.shape as [number, number, number, number, number];
  const flat = emitter.reshape(planes, [phases, tiles, blocks, height * width * block]);
  const moved = emitter.transpose(flat, [2, 1, 0, 3]);
  const layout: Layout = blockedLayout(5, block);
  const usual = emitter.reshape(moved, [1, blocks, phases * tiles, height, width, block]);
  const result = scope.ctx.result(node, 0, usual, layout);
  result.extras.set(PLANES, planes);
  return result;
}

/** Attributes of a blocked convolution that apply a leaky ReLU; slope 1 is none. */
export function activation(slope: number): EmitAttributes {
  if (slope === 1) return {};
  return slope === 0 ? { activation: 'Relu' } : { activation: 'LeakyRelu', activation_params: { float: [slope] } };
}

/**
 * A dense convolution over [phases, tiles]: result phase p, tile t is the sum over phases j and taps k of
 * weights[p][j][k] * x[j][t stride + k - before].
 */
export function combinePlanes(
  scope: NetworkScope,
  x: Emitted,
  weights: Float32Array,
  shape: { readonly phases: number; readonly tiles: number; readonly taps: number },
  options: {
    readonly stride?: number;
    readonly before?: number;
    readonly after?: number;
    readonly slope?: number;
  } = {},
): Emitted {
  const { emitter } = scope;
  const { stride = 1, before = 0, after = 0, slope = 1 } = options;
  const [phases, tiles, ...plane] = x.shape as [number, number, ...number[]];
  const area = plane.reduce((a, b) => a * b, 1);
  const attributes = {
    kernel_shape: [shape.taps, 1],
    strides: [stride, 1],
    dilations: [1, 1],
    pads: [before, 0, after, 0],
    group: 1,
    ...activation(slope),
  };
  const kernel = emitter.constant(weights, [shape.phases, phases, shape.taps, 1], 'float32');
  const image = emitter.reshape(x, [1, phases, tiles, area]);
  const result = [1, shape.phases, shape.tiles, area];
  const [op, domain] = slope === 1 ? ['Conv', ''] : ['FusedConv', MICROSOFT_DOMAIN];
  const value = emitter.node(op!, [image, kernel], attributes, result, 'float32', domain);
  return emitter.reshape(value, [shape.phases, shape.tiles, ...plane]);
}
