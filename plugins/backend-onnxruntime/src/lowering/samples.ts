/**
 * Operations on large volumes go some samples at a time, and their results stay in parts: what the next operation needs of
 * one part is made right before it and can die right after. Bits are those of the whole but for sums over samples.
 */
import type { Node } from '../graph/ir.js';
import type { Lowering, LoweringContext } from './context.js';
import { product } from './conv-geometry.js';
import { Lowered } from './lowered.js';
import { binary } from './primitives.js';

/** Rank of a batch of volumes `[b, d, h, w, c]`. */
const VOLUMES = 5;

/** Parts of equal numbers of samples in which a batch of volumes is worked on; 1 where it is small enough. */
export function partsFor({ target }: LoweringContext, shape: readonly number[]): number {
  const [batch] = shape as [number];
  if (target.provider !== 'cpu' || target.block === 0 || shape.length !== VOLUMES || batch <= 1) return 1;
  const bytes = 4 * product(shape);
  for (let parts = 1; parts < batch; parts++) {
    if (batch % parts === 0 && bytes / parts <= target.partBytes) return parts;
  }
  return batch;
}

interface Shaped {
  readonly shape: readonly number[];
}

/** The most parts of an operand or a result. */
function partsOf(ctx: LoweringContext, values: readonly Shaped[]) {
  return Math.max(1, ...values.map(({ shape }) => partsFor(ctx, shape)));
}

/** Results of parts in as many parts as their size asks for: a smaller volume than its operand is in fewer. */
function together(ctx: LoweringContext, parts: readonly Lowered[]): Lowered {
  const value = Lowered.ofParts(ctx.emitter, parts);
  const count = partsFor(ctx, value.shape);
  return parts.length % count === 0 ? Lowered.ofParts(ctx.emitter, value.parts(count)) : value;
}

/** The same operation on one part of the samples. */
function partOf(node: Node, parts: number): Node {
  const outputs = node.outputs.map((output) => {
    const [samples, ...rest] = output.shape as [number, ...number[]];
    return { ...output, shape: [samples / parts, ...rest] };
  });
  return { ...node, outputs };
}

/** Whether an operand has the samples of the result, and is not the same for all of them. */
type HasSamples = (operand: Lowered, node: Node, index: number) => boolean;

const isFirst: HasSamples = (_operand, _node, index) => index === 0;

/** Operands that broadcast to the result are whole for every part. */
const isBatch: HasSamples = ({ shape }, { outputs }) => shape.length === VOLUMES && shape[0] === outputs[0]!.shape[0];

/** Each result sample by sample from the operands' samples: the first alone, or each that has the shape of a batch. */
export function bySamples(
  lowering: Lowering,
  samplesIn: 'first' | 'all',
  applies: (node: Node) => boolean = () => true,
): Lowering {
  const hasSamples = samplesIn === 'first' ? isFirst : isBatch;
  return (ctx, node, inputs) => {
    const parted = inputs.filter((input, index) => hasSamples(input, node, index));
    const parts = partsOf(ctx, [...parted, ...node.outputs]);
    if (parts === 1 || parted.length === 0 || !applies(node)) return lowering(ctx, node, inputs);
    const own = partOf(node, parts);
    const made = Array.from({ length: parts }, (_, part) =>
      lowering(
        ctx,
        own,
        inputs.map((input, index) => (hasSamples(input, node, index) ? input.parts(parts)[part]! : input)),
      ),
    );
    return node.outputs.map((_, index) =>
      together(
        ctx,
        made.map((results) => results[index]!),
      ),
    );
  };
}

/** A sum over the samples of every operand. */
export function sumOverSamples(lowering: Lowering, applies: (node: Node) => boolean = () => true): Lowering {
  return (ctx, node, inputs) => {
    const parts = partsOf(ctx, inputs);
    if (parts === 1 || !applies(node)) return lowering(ctx, node, inputs);
    const sums = Array.from(
      { length: parts },
      (_, part) =>
        lowering(
          ctx,
          node,
          inputs.map((input) => input.parts(parts)[part]!),
        )[0]!,
    );
    const { primary } = sums[0]!;
    const total = sums.map((sum) => sum.as(primary)).reduce((sum, next) => binary(ctx, 'Add', sum, next));
    return [ctx.result(node, 0, total, primary)];
  };
}
