import type { Index3 } from '@dinomix/core';
import type { StudentContext, StudentNetwork, StudentPass, StudentResult, StudentSlot } from '@dinomix/trainer';
import type { Tensor } from '@tensorflow/tfjs-core';
import { type Architecture, layOut, parametersOf, type Stage } from './architecture.js';
import { Forward, firstItems } from './forward.js';
import type { VnetOptions } from './options.js';

/** The slot `student` of the V-Net. */
export function createVnet(options: VnetOptions): StudentSlot {
  return { build: (ctx) => buildVnet(ctx, options) };
}

/** Builds the V-Net of method.md §2.5 (after Milletari et al. 2016, with additive skips and no residual connections). */
export function buildVnet(ctx: StudentContext, options: VnetOptions): StudentNetwork {
  const architecture = layOut(options, ctx.inputChannels, ctx.classCount);
  const cube = (side: number): Index3 => [side, side, side];
  const features = architecture.stages.map(
    ({ feature, channels, stride }) => [feature, { channels, stride: cube(stride) }] as const,
  );
  return {
    parameters: parametersOf(architecture, options),
    features: Object.fromEntries(features),
    multiple: cube(2 ** (options.levels - 1)),
    forward: (x, weights, pass) => run(new Forward(ctx.ops, options, weights, pass), x, pass, architecture),
  };
}

/**
 * Items of which only features are taken do not go further than these.
 * @returns the items that go on, and the stage after which the others stop; null where all go on.
 */
function earlyStop({ items }: StudentPass, stages: readonly Stage[]): { items: number; after: number } | null {
  const early = items.filter(({ logits }) => !logits);
  const heard = items.filter(({ logits }) => logits).reduce((sum, { count }) => sum + count, 0);
  if (early.length === 0 || heard === 0 || early.some(({ features }) => features === null)) return null;
  const taken = early.flatMap(({ features }) => features!);
  const last = stages.findLastIndex(({ feature }) => taken.includes(feature));
  return { items: heard, after: last };
}

/** Through all stages, early items out as soon as nobody takes more of them. */
function run(forward: Forward, x: Tensor, pass: StudentPass, { stages, output }: Architecture): StudentResult {
  const features: Record<string, Tensor> = {};
  const stop = earlyStop(pass, stages);
  let hidden = x;
  stages.forEach((stage, index) => {
    const kept = stop !== null && index > stop.after ? stop.items : null;
    hidden = forward.stage(firstItems(hidden, kept), stage, features, kept);
    features[stage.feature] = hidden;
  });
  return { logits: forward.convolve(hidden, output), features };
}
