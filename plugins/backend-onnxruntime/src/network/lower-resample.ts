/** Halving and doubling convolutions (kernel 2, stride 2) on planes. */
import type { Node } from '../graph/ir.js';
import { type ConvGeometry, isHalving } from '../lowering/conv-geometry.js';
import type { Emitted } from '../lowering/emitter.js';
import type { Lowered } from '../lowering/lowered.js';
import { slopeOf } from './fuse.js';
import { biasOf, PLAIN } from './lower-conv.js';
import { activation, combinePlanes, fitsPlanes, phasesOf, planesOf, planesResult, planesShape } from './planes.js';
import type { NetworkScope } from './scope.js';

function applies(scope: NetworkScope, node: Node, g: ConvGeometry): boolean {
  const fits = [node.inputs[0]!, node.outputs[0]!].every(({ shape }) => fitsPlanes(scope, shape));
  return g.kernel.length === 3 && fits && isHalving(g);
}

/** Each plane is halved by the filter plane of its parity; then the planes of a pair are added. */
export function lowerHalving(scope: NetworkScope, node: Node, g: ConvGeometry): Lowered | undefined {
  if (!applies(scope, node, g)) return undefined;
  const { emitter, block } = scope;
  const [depth, height, width] = g.input as [number, number, number];
  const phases = phasesOf(depth);
  const tiles = depth / phases;
  const parity = (group: number) => Math.floor(group / tiles) % 2;
  const filter = node.inputs[1]!;
  const kernel = scope.derived(filter, `halving${phases}`, [depth * g.outChannels, g.inChannels, 2, 2], () =>
    halvingFilter(scope.numbers(filter), g, block, depth, parity),
  );
  const bias = biasOf(scope, node.inputs[2], `halving${phases}`, depth, (group) => parity(group) === 0);
  const attributes = { ...PLAIN, kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], group: depth };
  const image = emitter.reshape(planesOf(scope, scope.get(node.inputs[0]!)), [1, depth * g.inChannels, height, width]);
  const shape = [1, depth * g.outChannels, height / 2, width / 2];
  const halves = emitter.blocked('Conv', [image, kernel, bias], attributes, shape);
  const planes = emitter.reshape(halves, [phases, tiles, g.outChannels / block, height / 2, width / 2, block]);
  return planesResult(scope, node, addPairs(scope, planes, slopeOf(node)));
}

/** Plane d of the result is the sum of planes 2 d and 2 d + 1. */
function addPairs(scope: NetworkScope, x: Emitted, slope: number): Emitted {
  const [from, tiles] = x.shape as [number, number];
  const depth = (from * tiles) / 2;
  const phases = phasesOf(depth);
  const stride = (2 * phases) / from;
  const weights = new Float32Array(phases * from * stride);
  for (let phase = 0; phase < phases; phase++) {
    for (const plane of [2 * phase, 2 * phase + 1]) {
      weights[(phase * from + (plane % from)) * stride + Math.floor(plane / from)] = 1;
    }
  }
  return combinePlanes(scope, x, weights, { phases, tiles: depth / phases, taps: stride }, { stride, slope });
}

/** Memory [plane, o/B, i/B, kh, kw, B(i), B(o)] of a filter [2, 2, 2, i, o]: each plane has the filter plane of its parity. */
function halvingFilter(
  filter: Float32Array,
  { inChannels, outChannels }: ConvGeometry,
  block: number,
  planes: number,
  parity: (plane: number) => number,
): Float32Array {
  const size = 4 * inChannels * outChannels;
  const result = new Float32Array(planes * size);
  for (let plane = 0; plane < planes; plane++) {
    for (let tap = 0; tap < 4; tap++) {
      for (let i = 0; i < inChannels; i++) {
        for (let o = 0; o < outChannels; o++) {
          const pair = (Math.floor(o / block) * inChannels) / block + Math.floor(i / block);
          const at = ((pair * 4 + tap) * block + (i % block)) * block + (o % block);
          result[plane * size + at] = filter[((parity(plane) * 4 + tap) * inChannels + i) * outChannels + o]!;
        }
      }
    }
  }
  return result;
}

/** The transposed convolution: eight products a voxel as output channels, then one interleave of whole blocks. */
export function lowerDoubling(scope: NetworkScope, node: Node, g: ConvGeometry): Lowered | undefined {
  if (!applies(scope, node, g)) return undefined;
  const { emitter, block } = scope;
  const [depth, height, width] = g.output as [number, number, number];
  const [into, out] = [g.outChannels, g.inChannels];
  const filter = node.inputs[1]!;
  const kernel = scope.derived(filter, 'doubling', [8 * out, into, 1, 1], () =>
    doublingFilter(scope.numbers(filter), into, out, block),
  );
  const bias = biasOf(scope, node.inputs[2], 'doubling', 8);
  const attributes = { kernel_shape: [1, 1], ...PLAIN, pads: [0, 0, 0, 0], group: 1, ...activation(slopeOf(node)) };
  const image = emitter.reshape(planesOf(scope, scope.get(node.inputs[0]!)), [depth, into, height, width]);
  const value = emitter.blocked('Conv', [image, kernel, bias], attributes, [depth, 8 * out, height, width]);
  const woven = weave(scope, value, depth, [out / block, height, width]);
  return planesResult(scope, node, emitter.reshape(woven, planesShape(g.input, out, block)));
}

/** Memory [(kd, kh, kw), o/B, i/B, B(i), B(o)] of a filter [2, 2, 2, o, i]. */
function doublingFilter(filter: Float32Array, into: number, out: number, block: number): Float32Array {
  const result = new Float32Array(filter.length);
  for (let tap = 0; tap < 8; tap++) {
    for (let o = 0; o < out; o++) {
      for (let i = 0; i < into; i++) {
        const pair = ((tap * out + o - (o % block)) / block) * (into / block) + Math.floor(i / block);
        result[(pair * block + (i % block)) * block + (o % block)] = filter[(tap * out + o) * into + i]!;
      }
    }
  }
  return result;
}

/**
 * [phase, tile, pd, ph, pw, blocks, h, w, B] to planes of twice the depth: plane 2 d + pd. With four phases (j1, j0) that
 * is tile 2 t + j1 of phase (j0, pd); with two phases or one, tile t of phase (j, pd).
 */
function weave(scope: NetworkScope, value: Emitted, depth: number, plane: readonly [number, number, number]): Emitted {
  const { emitter, block } = scope;
  const phases = phasesOf(depth);
  const [outer, inner] = phases === 4 ? [2, 2] : [1, phases];
  const [blocks, height, width] = plane;
  const parted = emitter.reshape(value, [outer, inner, depth / phases, 2, 2, 2, blocks, height, width, block]);
  return emitter.transpose(parted, [1, 3, 2, 0, 6, 7, 4, 8, 5, 9]);
}
