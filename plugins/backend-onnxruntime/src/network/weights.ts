/**
 * What a network does to its weights alone (layouts, Winograd's transform of filters) is done once, before the first image:
 * the emitted graph is cut where such a value meets the image, and the cut values are fed to every run.
 */
import type { NodeProto } from 'onnx-buf';
import type { Emitter } from '../lowering/emitter.js';
import type { Program } from '../memory/program.js';
import { neededNodes } from '../memory/program.js';
import { createSession, type OrtTensor, ort, type SessionOptions } from '../session/runtime.js';
import { type NetworkScope, weightName } from './scope.js';

/** Bytes of values that are made together: their sources and intermediate values are alive at the same time. */
const TOGETHER = 2 ** 26;

export interface CutProgram {
  /** The nodes that see the image. */
  readonly program: Program;
  /** What they read of the others, by name. */
  readonly fixed: Readonly<Record<string, OrtTensor>>;
}

/** Nodes that see nothing but weights and constants. */
function fixedNodes({ nodes, tensors }: Program, weights: ReadonlySet<string>, emitter: Emitter): Set<NodeProto> {
  const known = new Set(weights);
  const fixed = new Set<NodeProto>();
  for (const node of nodes) {
    const isFixed = node.input.every((name) => known.has(name) || (!tensors.has(name) && !emitter.isInput(name)));
    if (!isFixed || !node.input.some((name) => known.has(name))) continue;
    fixed.add(node);
    for (const name of node.output) known.add(name);
  }
  return fixed;
}

/** Values in groups of at most {@link TOGETHER} bytes, or one value each. */
function grouped(names: readonly string[], { tensors }: Program): string[][] {
  const groups: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const own = tensors.get(name)!.bytes;
    if (bytes + own > TOGETHER) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)!.push(name);
    bytes += own;
  }
  return groups;
}

/** Computes the values of one group from their weights. */
function compute(
  scope: NetworkScope,
  program: Program,
  names: readonly string[],
  options: SessionOptions,
): Record<string, OrtTensor> {
  const { Tensor } = ort();
  const own: Program = { ...program, nodes: neededNodes(program.nodes, names), outputs: new Set(names), isPart: true };
  const needed = new Set(own.nodes.flatMap(({ input }) => input));
  const feeds: Record<string, OrtTensor> = {};
  scope.weights.forEach(({ buffer }, position) => {
    const name = weightName(position);
    if (needed.has(name)) feeds[name] = new Tensor('float32', buffer!.data as Float32Array, [...buffer!.dims]);
  });
  const session = createSession(scope.emitter.build(own), options);
  try {
    return session.run(feeds, Object.fromEntries(names.map((name) => [name, null])));
  } finally {
    session.dispose();
  }
}

/** Cuts the emitted program of a network, and computes what is the same for every image. */
export function cutWeights(scope: NetworkScope, options: SessionOptions): CutProgram {
  const { emitter } = scope;
  const program = emitter.program();
  const weights = new Set(scope.weights.map((_, position) => weightName(position)));
  const fixed = fixedNodes(program, weights, emitter);
  const nodes = program.nodes.filter((node) => !fixed.has(node));
  const read = new Set(nodes.flatMap(({ input }) => input));
  const made = [...fixed].flatMap(({ output }) => output).filter((name) => read.has(name));
  const values = grouped(made, program).map((names) => compute(scope, program, names, options));
  const { Tensor } = ort();
  scope.weights.forEach(({ buffer }, position) => {
    const name = weightName(position);
    if (!read.has(name)) return;
    values.push({ [name]: new Tensor('float32', buffer!.data as Float32Array, [...buffer!.dims]) });
  });
  const tensors = new Map([...program.tensors].filter(([name]) => !made.includes(name)));
  return { program: { ...program, nodes, tensors, isPart: true }, fixed: Object.assign({}, ...values) };
}
