/**
 * Computes again what is cheap instead of keeping it from the forward to the backward pass. The copies are the same
 * operations on the same inputs: every bit stays.
 */
import { clone } from '@bufbuild/protobuf';
import { type NodeProto, NodeProtoSchema } from 'onnx-buf';
import { costOf } from './cheap.js';
import { isAlias, type Program, type ProgramTensor, producersOf } from './program.js';
import { type Timeline, timelineOf } from './timeline.js';

/** Smaller values are not worth a node. */
const SMALLEST_SHARE = 1 / 400;

/** Inputs this much smaller than a value may live on for its sake. */
const NEGLIGIBLE_SHARE = 1 / 64;

/** Nodes that are computed again for one value at most. */
const LONGEST = 12;

/**
 * Bytes that must be freed for every byte that is read and written for it. The step of the published V-Net (four crops)
 * has a peak of 7.5 GB; down to about 4 GB takes some 5 % of its time, the last 0.9 GB that could be had as much again.
 */
const LEAST_GAIN = 0.07;

/** Rounds without a lower peak after which the search ends. */
const PATIENCE = 24;

/** One value that is to be computed again, and everything that must be for it. */
interface Candidate {
  /** Buffers to make again, inputs first. */
  readonly chain: readonly string[];
  /** First step that reads the copy. */
  readonly from: number;
  /** Bytes that the peak loses. */
  readonly freed: number;
  /** Bytes read and written for it. */
  readonly cost: number;
}

/** A chain on its way. */
interface ChainSearch {
  readonly from: number;
  readonly negligible: number;
  readonly chain: Map<string, boolean>;
  readonly totals: { kept: number; traffic: number };
}

/**
 * The program with the least peak that was found.
 * @param worthwhile - a program whose peak is lower, bytes, stays as it is.
 */
export function recompute(program: Program, worthwhile = 0): Program {
  let best = program;
  let lowest = timelineOf(program).peak;
  if (lowest < worthwhile) return program;
  const rewriting = new Rewriting(program);
  for (let waited = 0; waited <= PATIENCE; waited++) {
    const timeline = timelineOf(rewriting.program);
    if (timeline.peak < lowest) {
      lowest = timeline.peak;
      best = rewriting.program;
      waited = 0;
    }
    const candidate = new Search(rewriting, timeline).best();
    if (!candidate || candidate.freed < LEAST_GAIN * candidate.cost) break;
    rewriting.apply(candidate, timeline);
  }
  return best;
}

/** A program on its way, and which buffers are copies of which. */
class Rewriting {
  program: Program;
  private readonly origins = new Map<string, string>();
  private readonly versions = new Map<string, string[]>();
  private counter = 0;

  constructor(program: Program) {
    this.program = program;
  }

  /** Every buffer that holds the same bits, itself included. */
  versionsOf(name: string): readonly string[] {
    return this.versions.get(this.origins.get(name) ?? name) ?? [name];
  }

  /** Adds copies of the chain and lets every read from step `from` on take them. */
  apply({ chain, from }: Candidate, { order, buffers, lives }: Timeline): void {
    const { nodes, tensors, outputs } = this.program;
    const steps = new Int32Array(nodes.length);
    order.forEach((position, step) => {
      steps[position] = step;
    });
    const producers = producersOf(nodes);
    const copies = new Map<string, string>();
    const copiedTensors = new Map(tensors);
    const added = new Map<number, NodeProto[]>();
    const bufferOf = (name: string) => buffers.get(name) ?? name;

    const addAfter = (position: number, node: NodeProto) => {
      const list = added.get(position);
      if (list) list.push(node);
      else added.set(position, [node]);
    };
    /** The copy of a name: of the node that made it, or of the reshapes between it and its buffer. */
    const copyOf = (name: string): string => {
      const known = copies.get(name);
      if (known !== undefined) return known;
      const position = producers.get(name)!;
      const copied = this.copyNode(nodes[position]!, copiedTensors);
      copies.set(name, copied.output[0]!);
      copied.input = copied.input.map((input) => renamed(input));
      addAfter(producers.get(bufferOf(name))!, copied);
      return copied.output[0]!;
    };
    const chosen = new Set(chain);
    const renamed = (input: string): string => {
      const buffer = bufferOf(input);
      if (chosen.has(buffer)) return copyOf(input);
      const life = lives.get(buffer);
      if (!life || life.last >= from) return input;
      const version = this.versionsOf(buffer).find((other) => {
        const span = lives.get(other);
        return span !== undefined && span.born < from && span.last >= from;
      });
      return version === undefined || version === buffer
        ? input
        : this.through(input, buffer, version, nodes, producers, addAfter, copiedTensors);
    };
    for (const buffer of chain) this.note(buffer, copyOf(buffer));
    const rewired = nodes.map((node, position) => {
      if (isAlias(node) || steps[position]! < from) return node;
      if (!node.input.some((input) => chosen.has(bufferOf(input)))) return node;
      const copied = clone(NodeProtoSchema, node);
      copied.input = node.input.map((input) => (chosen.has(bufferOf(input)) ? copyOf(input) : input));
      return copied;
    });
    const all = rewired.flatMap((node, position) => [node, ...(added.get(position) ?? [])]);
    this.program = { nodes: withoutUnused(all, outputs), tensors: copiedTensors, outputs };
  }

  /** An alias of one buffer made from another version of it. */
  private through(
    name: string,
    buffer: string,
    version: string,
    nodes: readonly NodeProto[],
    producers: ReadonlyMap<string, number>,
    addAfter: (position: number, node: NodeProto) => void,
    copiedTensors: Map<string, ProgramTensor>,
  ): string {
    if (name === buffer) return version;
    const copied = this.copyNode(nodes[producers.get(name)!]!, copiedTensors);
    copied.input = [
      this.through(copied.input[0]!, buffer, version, nodes, producers, addAfter, copiedTensors),
      copied.input[1]!,
    ];
    addAfter(producers.get(version)!, copied);
    return copied.output[0]!;
  }

  private copyNode(node: NodeProto, copiedTensors: Map<string, ProgramTensor>): NodeProto {
    const copied = clone(NodeProtoSchema, node);
    const name = `${node.output[0]!}r${this.counter++}`;
    copiedTensors.set(name, copiedTensors.get(node.output[0]!)!);
    copied.output = [name];
    copied.name = `${node.name}~${name}`;
    return copied;
  }

  private note(buffer: string, copy: string): void {
    const origin = this.origins.get(buffer) ?? buffer;
    this.origins.set(copy, origin);
    this.versions.set(origin, [...(this.versions.get(origin) ?? [origin]), copy]);
  }
}

function withoutUnused(nodes: readonly NodeProto[], outputs: ReadonlySet<string>): readonly NodeProto[] {
  const needed = new Set(outputs);
  const kept: NodeProto[] = [];
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node = nodes[index]!;
    if (!node.output.some((name) => needed.has(name))) continue;
    kept.push(node);
    for (const name of node.input) needed.add(name);
  }
  return kept.reverse();
}

/** Looks for the value at the peak that frees most for what it costs to compute again. */
class Search {
  private readonly rewriting: Rewriting;
  private readonly timeline: Timeline;
  private readonly producers: ReadonlyMap<string, number>;
  private readonly smallest: number;
  /** Steps at which nodes that are no aliases read each buffer. */
  private readonly readers = new Map<string, number[]>();

  constructor(rewriting: Rewriting, timeline: Timeline) {
    this.rewriting = rewriting;
    this.timeline = timeline;
    this.producers = producersOf(rewriting.program.nodes);
    this.smallest = timeline.peak * SMALLEST_SHARE;
    const { nodes } = rewriting.program;
    timeline.order.forEach((position, step) => {
      const node = nodes[position]!;
      if (isAlias(node)) return;
      for (const buffer of new Set(node.input.map((name) => timeline.buffers.get(name) ?? name))) {
        const steps = this.readers.get(buffer);
        if (steps) steps.push(step);
        else this.readers.set(buffer, [step]);
      }
    });
  }

  best(): Candidate | undefined {
    const { lives, peakStep, order } = this.timeline;
    let best: Candidate | undefined;
    for (const [name, life] of lives) {
      if (life.bytes < this.smallest || life.born >= peakStep || life.last <= peakStep) continue;
      if (life.last >= order.length) continue;
      const readers = this.readers.get(name) ?? [];
      const from = readers.find((step) => step >= peakStep);
      // Without an earlier reader the copy would only take its place.
      if (from === undefined || from === peakStep || readers[0] === from) continue;
      const candidate = this.candidateFor(name, from, life.bytes);
      if (candidate && (!best || candidate.freed / candidate.cost > best.freed / best.cost)) best = candidate;
    }
    return best;
  }

  private candidateFor(name: string, from: number, bytes: number): Candidate | undefined {
    const chain = new Map<string, boolean>();
    const totals = { kept: 0, traffic: 0 };
    if (!this.extend(name, { from, chain, totals, negligible: bytes * NEGLIGIBLE_SHARE })) return undefined;
    const freed = bytes - totals.kept;
    if (freed <= this.smallest) return undefined;
    return { chain: [...chain.keys()], from, freed, cost: totals.traffic };
  }

  /** Adds to the chain what must be computed for `name`, inputs first. @returns whether all of that is cheap. */
  private extend(name: string, search: ChainSearch): boolean {
    const known = search.chain.get(name);
    if (known !== undefined) return known;
    const { nodes, tensors } = this.rewriting.program;
    const { lives, buffers, peakStep } = this.timeline;
    const position = this.producers.get(name);
    const node = position === undefined ? undefined : nodes[position]!;
    if (!node || search.chain.size >= LONGEST) return false;
    const cost = costOf(node, tensors, (input) => !this.producers.has(input));
    if (cost === Number.POSITIVE_INFINITY) return false;
    search.totals.traffic += cost + tensors.get(name)!.bytes;
    for (const input of new Set(node.input.map((operand) => buffers.get(operand) ?? operand))) {
      const life = lives.get(input);
      if (!life) continue;
      search.totals.traffic += life.bytes;
      if (this.isThere(input, search.from)) continue;
      if (life.bytes <= search.negligible) search.totals.kept += life.last < peakStep ? life.bytes : 0;
      else if (!this.extend(input, search)) return false;
    }
    search.chain.set(name, true);
    return true;
  }

  private isThere(name: string, step: number): boolean {
    return this.rewriting.versionsOf(name).some((version) => {
      const life = this.timeline.lives.get(version);
      return life !== undefined && life.born < step && life.last >= step;
    });
  }
}
