/** What one run of a graph takes, by what it holds. */
import { type Program, producersOf } from './program.js';
import { timelineOf } from './timeline.js';

/** Bytes by what they hold. */
export type MemoryParts = Readonly<Record<string, number>>;

/** Kinds of recorded operations by the beginning of their names; the first that fits counts. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^(Conv|BatchMatMul|MatMul)/, 'convolutions and products'],
  [/^(Norm|Channel)/, 'normalisation and activation'],
  [/^(SegmentationLoss|Softmax|LogSoftmax|ArgReduce|OneHot|Equal)/, 'losses and counts'],
];

function kindOf(nodeName: string): string {
  return KINDS.find(([pattern]) => pattern.test(nodeName))?.[1] ?? 'other operations';
}

/** What is in use at the peak of a program, outputs included, inputs not. */
export function partsAtPeak(program: Program): MemoryParts {
  const { lives, buffers, peakStep, order } = timelineOf(program);
  const outputs = new Set([...program.outputs].map((name) => buffers.get(name) ?? name));
  const producers = producersOf(program.nodes);
  const parts: Record<string, number> = {};
  for (const [name, { bytes, born, last }] of lives) {
    const isOutput = outputs.has(name);
    if (!isOutput && (born > peakStep || last < peakStep)) continue;
    const kind = isOutput && last >= order.length ? 'results' : kindOf(program.nodes[producers.get(name)!]!.name);
    parts[kind] = (parts[kind] ?? 0) + bytes;
  }
  return parts;
}
