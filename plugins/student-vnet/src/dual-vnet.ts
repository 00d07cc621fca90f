import type { Index3, NamedTensors, ParameterSpec } from '@dinomix/core';
import type {
  StudentContext,
  StudentNetwork,
  StudentPass,
  StudentResult,
  StudentSlot,
  TensorMap,
} from '@dinomix/trainer';
import { add, concat, mul, slice, type Tensor } from '@tensorflow/tfjs-core';
import { type Architecture, layOut, parametersOf, type Unit } from './architecture.js';
import { Forward } from './forward.js';
import type { DualVnetOptions, VnetOptions } from './options.js';

/** The decoder that labelled data train, and the one that pseudo-labels train. */
const LABELLED = 'labelled.';
const UNLABELLED = 'unlabelled.';
/** The auxiliary head of a decoder. */
const BALANCED = 'balanced';
const MAIN = 'output';

/** What is built once for all passes. */
interface Dual {
  readonly options: VnetOptions;
  readonly architecture: Architecture;
  readonly balanced: Unit;
}

/** What one decoder says about some items. */
interface Said {
  readonly main: Tensor;
  readonly balanced: Tensor;
  readonly features: TensorMap;
}

export function createDualVnet(options: DualVnetOptions): StudentSlot {
  return { build: (ctx) => buildDualVnet(ctx, options) };
}

/**
 * The network of SKCDF (method.md §4.13), without its attention: a V-Net encoder shared by a decoder D_l for labelled crops and
 * a decoder D_u for the others, each with a main head h and an auxiliary balanced head h_abc on its finest feature. `logits` and
 * the head `balanced` are D_l's on labelled items and D_u's elsewhere, in evaluation D_u's; the heads `guide` and
 * `guide-balanced` are D_l's on every item, from which pseudo-labels are made. After each step D_u <- a D_u + (1 - a) D_l and in
 * each decoder h <- a h + (1 - a) h_abc.
 */
export function buildDualVnet(ctx: StudentContext, { network, average }: DualVnetOptions): StudentNetwork {
  const architecture = layOut(network, ctx.inputChannels, ctx.classCount);
  const dual: Dual = { options: network, architecture, balanced: { ...architecture.output, name: BALANCED } };
  const cube = (side: number): Index3 => [side, side, side];
  const encoder = architecture.stages.slice(0, network.levels);
  const head = { classes: ctx.classCount, stride: cube(1) };
  return {
    parameters: dualParameters(dual),
    features: Object.fromEntries(
      encoder.map(({ feature, channels, stride }) => [feature, { channels, stride: cube(stride) }]),
    ),
    heads: { balanced: head, guide: head, 'guide-balanced': head },
    byView: true,
    multiple: cube(2 ** (network.levels - 1)),
    forward: (x, weights, pass) => forward(x, weights, pass, dual, ctx),
    afterStep: (weights) => averages(weights, average),
  };
}

/** The encoder's parameters once, those of decoder and heads for each decoder. */
function dualParameters({ options, architecture, balanced }: Dual): readonly ParameterSpec[] {
  const stages = architecture.stages;
  const encoder = { stages: stages.slice(0, options.levels), output: architecture.output };
  const own = parametersOf(architecture, options);
  const shared = parametersOf(encoder, options).filter(({ name }) => !name.startsWith(`${MAIN}.`));
  const names = new Set(shared.map(({ name }) => name));
  const decoder = own.filter(({ name }) => !names.has(name));
  const heads = parametersOf({ stages: [], output: balanced }, options);
  const prefixed = (prefix: string) => [...decoder, ...heads].map((spec) => ({ ...spec, name: prefix + spec.name }));
  return [...shared, ...prefixed(LABELLED), ...prefixed(UNLABELLED)];
}

/** Some items of a batch. */
function itemsOf(x: Tensor, first: number, count: number): Tensor {
  return slice(x, [first, 0, 0, 0, 0], [count, -1, -1, -1, -1]);
}

function decode(forward: Forward, hidden: Tensor, encoded: TensorMap, { options, architecture, balanced }: Dual): Said {
  const features: Record<string, Tensor> = { ...encoded };
  let x = hidden;
  for (const stage of architecture.stages.slice(options.levels)) {
    x = forward.stage(x, stage, features, null);
    features[stage.feature] = x;
  }
  return { main: forward.convolve(x, architecture.output), balanced: forward.convolve(x, balanced), features };
}

/** The runs of items that the decoder of the unlabelled crops sees: first item and number of items. */
function unlabelledRuns({ items }: StudentPass): readonly (readonly [first: number, count: number])[] {
  let first = 0;
  return items.flatMap(({ view, count }) => {
    const at = first;
    first += count;
    return view.endsWith('unlabelled') ? [[at, count] as const] : [];
  });
}

/** What is put in the place of the guide's word for the items of the second decoder, in the order of the batch. */
function spliced(guide: Tensor, own: Tensor, runs: readonly (readonly [number, number])[]): Tensor {
  const total = guide.shape[0]!;
  const parts: Tensor[] = [];
  let [at, taken] = [0, 0];
  for (const [first, count] of runs) {
    if (first > at) parts.push(itemsOf(guide, at, first - at));
    parts.push(itemsOf(own, taken, count));
    [at, taken] = [first + count, taken + count];
  }
  if (at < total) parts.push(itemsOf(guide, at, total - at));
  return parts.length === 1 ? parts[0]! : concat(parts, 0);
}

function forward(x: Tensor, weights: TensorMap, pass: StudentPass, dual: Dual, ctx: StudentContext): StudentResult {
  const { options, architecture } = dual;
  const encoder = new Forward(ctx.ops, options, weights, pass);
  const encoded: Record<string, Tensor> = {};
  let hidden = x;
  for (const stage of architecture.stages.slice(0, options.levels)) {
    hidden = encoder.stage(hidden, stage, encoded, null);
    encoded[stage.feature] = hidden;
  }
  const decoder = (prefix: string) => new Forward(ctx.ops, options, weights, pass, prefix);
  if (pass.items.length === 0) {
    // A network that is tested is the second decoder alone.
    const said = decode(decoder(UNLABELLED), hidden, encoded, dual);
    const heads = { balanced: said.balanced, guide: said.main, 'guide-balanced': said.balanced };
    return { logits: said.main, heads, features: encoded };
  }
  const guide = decode(decoder(LABELLED), hidden, encoded, dual);
  const heads = { guide: guide.main, 'guide-balanced': guide.balanced };
  const runs = unlabelledRuns(pass);
  if (runs.length === 0)
    return { logits: guide.main, heads: { ...heads, balanced: guide.balanced }, features: encoded };
  const pick = (value: Tensor): Tensor => {
    const parts = runs.map(([first, count]) => itemsOf(value, first, count));
    return parts.length === 1 ? parts[0]! : concat(parts, 0);
  };
  const picked = Object.fromEntries(Object.entries(encoded).map(([name, value]) => [name, pick(value)]));
  const own = decode(decoder(UNLABELLED), pick(hidden), picked, dual);
  return {
    logits: spliced(guide.main, own.main, runs),
    heads: { ...heads, balanced: spliced(guide.balanced, own.balanced, runs) },
    features: encoded,
  };
}

/** D_u <- a D_u + (1 - a) D_l, then h <- a h + (1 - a) h_abc in each decoder. */
function averages(weights: NamedTensors<Tensor>, keep: number): NamedTensors<Tensor> {
  const blend = (own: Tensor, other: Tensor): Tensor => add(mul(own, keep), mul(other, 1 - keep));
  const next: Record<string, Tensor> = {};
  for (const name of Object.keys(weights)) {
    if (!name.startsWith(UNLABELLED)) continue;
    next[name] = blend(weights[name]!, weights[LABELLED + name.slice(UNLABELLED.length)]!);
  }
  const now = (name: string): Tensor => next[name] ?? weights[name]!;
  for (const prefix of [LABELLED, UNLABELLED]) {
    for (const part of ['filter', 'bias']) {
      const name = `${prefix}${MAIN}.${part}`;
      next[name] = blend(now(name), now(`${prefix}${BALANCED}.${part}`));
    }
  }
  return next;
}
