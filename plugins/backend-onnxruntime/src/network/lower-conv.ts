/** Convolutions whose input planes are read one by one: 3x3x3 by Winograd along depth, the first of a network, pointwise. */
import type { Node, Value } from '../graph/ir.js';
import { type ConvGeometry, isPointwise, isSameThree } from '../lowering/conv-geometry.js';
import type { Emitted } from '../lowering/emitter.js';
import { identityLayout } from '../lowering/layout.js';
import type { Lowered } from '../lowering/lowered.js';
import { BIAS_COMPONENT, TRANSFORMS } from '../lowering/winograd.js';
import { slopeOf } from './fuse.js';
import {
  activation,
  combinePlanes,
  fitsPlanes,
  phasesOf,
  planeOrder,
  planesOf,
  planesResult,
  planesShape,
} from './planes.js';
import type { NetworkScope } from './scope.js';

/**
 * Name of the form of a pointwise convolution whose outputs are padded to whole blocks. Memory as planes; the padding is
 * so low that a softmax gives it zero.
 */
export const LANES = 'lanes';

export const PLAIN = { strides: [1, 1], dilations: [1, 1] } as const;

/** Undefined where the standard lowering has to do. */
export function lowerConv(scope: NetworkScope, node: Node, g: ConvGeometry): Lowered | undefined {
  if (g.batch !== 1 || g.kernel.length !== 3) return undefined;
  const whole = fitsPlanes(scope, node.inputs[0]!.shape);
  const outputs = fitsPlanes(scope, node.outputs[0]!.shape);
  if (isPointwise(g) && whole) return pointwise(scope, node, g);
  if (!isSameThree(g) || !outputs) return undefined;
  if (whole) return winograd(scope, node, g);
  return 3 * g.inChannels < scope.block ? first(scope, node, g) : undefined;
}

function rowMajor(rows: readonly (readonly number[])[]): Float32Array {
  return Float32Array.from(rows.flat());
}

/** B' as a convolution over tiles: input i of a tile is plane r t - 1 + i, a phase of this tile or of a neighbour. */
function inputWeights(phases: 1 | 2 | 4): Float32Array {
  const { input } = TRANSFORMS[phases];
  const taps = 3;
  const weights = new Float32Array(input.length * phases * taps);
  input.forEach((row, component) => {
    row.forEach((value, index) => {
      const plane = index - 1;
      const tap = Math.floor(plane / phases) + 1;
      const phase = (plane + phases) % phases;
      weights[(component * phases + phase) * taps + tap] = value;
    });
  });
  return weights;
}

function winograd(scope: NetworkScope, node: Node, g: ConvGeometry): Lowered {
  const { emitter, block } = scope;
  const [depth, height, width] = g.input as [number, number, number];
  const phases = phasesOf(depth);
  const tiles = depth / phases;
  const { output } = TRANSFORMS[phases];
  const components = phases + 2;
  const groups = components * tiles;
  const source = planesOf(scope, scope.get(node.inputs[0]!));
  const spread = combinePlanes(
    scope,
    source,
    inputWeights(phases),
    { phases: components, tiles, taps: 3 },
    { before: 1, after: 1 },
  );
  const filter = node.inputs[1]!;
  const kernel = scope.derived(filter, `winograd${phases}x${tiles}`, [groups * g.outChannels, g.inChannels, 3, 3], () =>
    winogradFilter(scope.numbers(filter), g, phases, block),
  );
  const bias = biasOf(
    scope,
    node.inputs[2],
    `winograd${phases}x${tiles}`,
    groups,
    (group) => Math.floor(group / tiles) === BIAS_COMPONENT,
  );
  const attributes = { kernel_shape: [3, 3], ...PLAIN, pads: [1, 1, 1, 1], group: groups };
  const image = emitter.reshape(spread, [1, groups * g.inChannels, height, width]);
  const value = emitter.blocked('Conv', [image, kernel, bias], attributes, [1, groups * g.outChannels, height, width]);
  const products = emitter.reshape(value, [components, tiles, g.outChannels / block, height, width, block]);
  const result = combinePlanes(scope, products, rowMajor(output), { phases, tiles, taps: 1 }, { slope: slopeOf(node) });
  return planesResult(scope, node, result);
}

/**
 * The filter [3, 3, 3, i, o] transformed along depth, once for each tile (a group has weights of its own):
 * memory [component, tile, o/B, i/B, kh, kw, B(i), B(o)].
 */
function winogradFilter(filter: Float32Array, g: ConvGeometry, phases: 1 | 2 | 4, block: number): Float32Array {
  const { filter: rows } = TRANSFORMS[phases];
  const tiles = g.input[0]! / phases;
  const { inChannels, outChannels } = g;
  const size = 9 * inChannels * outChannels;
  const result = new Float32Array(rows.length * tiles * size);
  rows.forEach((row, component) => {
    const start = component * tiles * size;
    for (let tap = 0; tap < 9; tap++) {
      for (let i = 0; i < inChannels; i++) {
        for (let o = 0; o < outChannels; o++) {
          let sum = 0;
          for (let kd = 0; kd < 3; kd++) {
            sum += row[kd]! * filter[((kd * 9 + tap) * inChannels + i) * outChannels + o]!;
          }
          const at = ((blockOf(o, block) * inChannels) / block + blockOf(i, block)) * 9 + tap;
          result[start + (at * block + (i % block)) * block + (o % block)] = sum;
        }
      }
    }
    for (let tile = 1; tile < tiles; tile++) result.copyWithin(start + tile * size, start, start + size);
  });
  return result;
}

function blockOf(channel: number, block: number): number {
  return Math.floor(channel / block);
}

/** A bias for each group of channels where `carries`, zero elsewhere. */
export function biasOf(
  scope: NetworkScope,
  bias: Value | undefined,
  purpose: string,
  groups: number,
  carries: (group: number) => boolean = () => true,
): Emitted | undefined {
  if (!bias) return undefined;
  const size = bias.shape[0]!;
  return scope.derived(bias, purpose, [groups * size], () => {
    const numbers = scope.numbers(bias);
    const result = new Float32Array(groups * size);
    for (let group = 0; group < groups; group++) if (carries(group)) result.set(numbers, group * size);
    return result;
  });
}

/** Fewer than a third of a block of input channels: the three planes under a filter become channels of one image. */
function first(scope: NetworkScope, node: Node, g: ConvGeometry): Lowered {
  const { emitter, block } = scope;
  const [depth, height, width] = g.input as [number, number, number];
  const { inChannels, outChannels } = g;
  const voxels = emitter.reshape(scope.get(node.inputs[0]!).as(identityLayout(5)), [depth, height * width, inChannels]);
  const planes = emitter.reshape(emitter.transpose(voxels, [0, 2, 1]), [depth, inChannels * height * width]);
  const padded = emitter.node('Pad', [planes, emitter.int64([1, 0, 1, 0]), emitter.float(0)], {}, [
    depth + 2,
    planes.shape[1]!,
  ]);
  const indices = planeOrder(depth).flatMap((plane) => [plane, plane + 1, plane + 2]);
  const taken = emitter.node('Gather', [padded, emitter.int64(indices)], { axis: 0 }, [3 * depth, planes.shape[1]!]);
  const image = emitter.reshape(taken, [depth, 3 * inChannels, height, width]);
  const filter = node.inputs[1]!;
  const kernel = scope.derived(filter, 'first', [outChannels, 3 * inChannels, 3, 3], () =>
    firstFilter(scope.numbers(filter), g, block),
  );
  const bias = biasOf(scope, node.inputs[2], 'plain', 1);
  const attributes = { kernel_shape: [3, 3], ...PLAIN, pads: [1, 1, 1, 1], group: 1, ...activation(slopeOf(node)) };
  const value = emitter.blocked('Conv', [image, kernel, bias], attributes, [depth, outChannels, height, width]);
  return planesResult(scope, node, emitter.reshape(value, planesShape(g.output, outChannels, block)));
}

/** Memory [o/B, (kd, i), kh, kw, B(o)] of a filter [3, 3, 3, i, o]. */
function firstFilter(filter: Float32Array, g: ConvGeometry, block: number): Float32Array {
  const { inChannels, outChannels } = g;
  const result = new Float32Array(filter.length);
  for (let kd = 0; kd < 3; kd++) {
    for (let tap = 0; tap < 9; tap++) {
      for (let i = 0; i < inChannels; i++) {
        for (let o = 0; o < outChannels; o++) {
          const channel = blockOf(o, block) * 3 * inChannels + kd * inChannels + i;
          const from = ((kd * 9 + tap) * inChannels + i) * outChannels + o;
          result[(channel * 9 + tap) * block + (o % block)] = filter[from]!;
        }
      }
    }
  }
  return result;
}

/** Far below any logit, and its exponential is zero without being an infinity. */
const ABSENT = -1e30;

/** A product per voxel. Output channels that fill no whole block are padded. */
function pointwise(scope: NetworkScope, node: Node, g: ConvGeometry): Lowered {
  const { emitter, block } = scope;
  const [depth, height, width] = g.input as [number, number, number];
  const lanes = Math.ceil(g.outChannels / block) * block;
  const filter = node.inputs[1]!;
  const kernel = scope.derived(filter, 'pointwise', [lanes, g.inChannels, 1, 1], () =>
    blockedMatrix(scope.numbers(filter), g.inChannels, g.outChannels, block),
  );
  const bias = paddedBias(scope, node, lanes);
  const attributes = { kernel_shape: [1, 1], ...PLAIN, pads: [0, 0, 0, 0], group: 1, ...activation(slopeOf(node)) };
  const image = emitter.reshape(planesOf(scope, scope.get(node.inputs[0]!)), [depth, g.inChannels, height, width]);
  const value = emitter.blocked('Conv', [image, kernel, bias], attributes, [depth, lanes, height, width]);
  const planes = emitter.reshape(value, planesShape(g.output, lanes, block));
  return lanes === g.outChannels ? planesResult(scope, node, planes) : lanesResult(scope, node, planes, g.outChannels);
}

/** Memory [o/B, i/B, B(i), B(o)] of a matrix [i, o], with zeros where o fills no whole block. */
function blockedMatrix(matrix: Float32Array, inputs: number, outputs: number, block: number): Float32Array {
  const lanes = Math.ceil(outputs / block) * block;
  const result = new Float32Array(inputs * lanes);
  for (let i = 0; i < inputs; i++) {
    for (let o = 0; o < outputs; o++) {
      const at = ((blockOf(o, block) * inputs) / block + blockOf(i, block)) * block + (i % block);
      result[at * block + (o % block)] = matrix[i * outputs + o]!;
    }
  }
  return result;
}

function paddedBias(scope: NetworkScope, node: Node, lanes: number): Emitted {
  const [, filter, bias] = node.inputs as [Value, Value, Value | undefined];
  return scope.derived(bias ?? filter, 'padded bias', [lanes], () => {
    const result = new Float32Array(lanes).fill(ABSENT);
    if (bias) result.set(scope.numbers(bias));
    else result.fill(0, 0, filter.shape[4]);
    return result;
  });
}

/** The padded planes for who can use them; voxel by voxel without the padding for the rest. */
function lanesResult(scope: NetworkScope, node: Node, planes: Emitted, channels: number): Lowered {
  const { emitter } = scope;
  const [phases, tiles, blocks, height, width, block] = planes.shape as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const flat = emitter.reshape(planes, [phases, tiles, blocks, height * width, block]);
  const voxels = emitter.reshape(emitter.transpose(flat, [1, 0, 3, 2, 4]), [
    phases * tiles * height * width,
    blocks * block,
  ]);
  const inputs = [voxels, emitter.int64([0]), emitter.int64([channels]), emitter.int64([1])];
  const cut = emitter.node('Slice', inputs, {}, [voxels.shape[0]!, channels]);
  const result = scope.ctx.result(node, 0, emitter.reshape(cut, node.outputs[0]!.shape));
  if (slopeOf(node) === 1) result.extras.set(LANES, planes);
  return result;
}
