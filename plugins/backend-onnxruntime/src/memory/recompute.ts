/**
 * Computes again what is cheap instead of keeping it from the forward to the backward pass. The copies are the same
 * operations on the same inputs: every bit stays.
 */
import { clone } from '@bufbuild/protobuf';
import { type NodeProto, NodeProtoSchema } from 'onnx-buf';
import { costOf } from './cheap.js';
import { isAlias, neededNodes, type Program, type ProgramTensor, producersOf } from './program.js';
import { type Timeline, timelineOf } from './timeline.js';

/** Smaller values are not worth a node. */
const SMALLEST_SHARE = 1 / 400;

/** Inputs this much smaller than a value may live on for its sake. */
const NEGLIGIBLE_SHARE = 1 / 64;

/** Nodes that are computed again for one value at most. */
const LONGEST = 12;

/** Peak from which on memory is worth more than time: the published DINO-Mix step has to run in 12 GB. */
const LARGE_PEAK = 6 * 2 ** 30;

/**
 * Bytes that must be freed for every byte that is read and written for it. The step of the published V-Net (four crops)
 * has a peak of 7.3 GiB; down to 4.6 takes some 3 % of its time, the next gigabyte as much again.
 */
function leastGain(peak: number): number {
  return peak > LARGE_PEAK ? 0.07 : 0.2;
}

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
    if (!candidate || candidate.freed < leastGain(timeline.peak) * candidate.cost) break;
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
  apply(candidate: Candidate, timeline: Timeline): void {
    const copying = new Copying(this, candidate, timeline);
    for (const buffer of candidate.chain) this.note(buffer, copying.copyOf(buffer));
    this.program = copying.result();
  }

  /** A name that no value has yet. */
  nameOfCopy(name: string): string {
    return `${name}r${this.counter++}`;
  }

  private note(buffer: string, copy: string): void {
    const origin = this.origins.get(buffer) ?? buffer;
    this.origins.set(copy, origin);
    this.versions.set(origin, [...(this.versions.get(origin) ?? [origin]), copy]);
  }
}

/** The copies of one chain in a program. */
class Copying {
  private readonly rewriting: Rewriting;
  private readonly timeline: Timeline;
  private readonly from: number;
  private readonly chosen: ReadonlySet<string>;
  private readonly producers: ReadonlyMap<string, number>;
  private readonly tensors: Map<string, ProgramTensor>;
  private readonly copies = new Map<string, string>();
  /** Nodes by the position behind which they are written. */
  private readonly added = new Map<number, NodeProto[]>();

  constructor(rewriting: Rewriting, { chain, from }: Candidate, timeline: Timeline) {
    const { nodes, tensors } = rewriting.program;
    this.rewriting = rewriting;
    this.timeline = timeline;
    this.from = from;
    this.chosen = new Set(chain);
    this.producers = producersOf(nodes);
    this.tensors = new Map(tensors);
  }

  /** The copy of a name: of the node that made it, or of the reshapes between it and its buffer. */
  copyOf(name: string): string {
    const known = this.copies.get(name);
    if (known !== undefined) return known;
    const copied = this.copyNode(name);
    this.copies.set(name, copied.output[0]!);
    copied.input = copied.input.map((input) => this.readable(input));
    this.addAfter(this.bufferOf(name), copied);
    return copied.output[0]!;
  }

  /** The program with the copies, and without what nobody reads any more. */
  result(): Program {
    const { nodes, outputs } = this.rewriting.program;
    const steps = new Int32Array(nodes.length);
    this.timeline.order.forEach((position, step) => {
      steps[position] = step;
    });
    const isChosen = (name: string) => this.chosen.has(this.bufferOf(name));
    const rewired = nodes.map((node, position) => {
      if (isAlias(node) || steps[position]! < this.from || !node.input.some(isChosen)) return node;
      const copied = clone(NodeProtoSchema, node);
      copied.input = node.input.map((input) => (isChosen(input) ? this.copyOf(input) : input));
      return copied;
    });
    const all = rewired.flatMap((node, position) => [node, ...(this.added.get(position) ?? [])]);
    return { nodes: neededNodes(all, outputs), tensors: this.tensors, outputs };
  }

  private bufferOf(name: string): string {
    return this.timeline.buffers.get(name) ?? name;
  }

  /** What a copy reads in place of an input: the input while it lives, else another version of the same bits. */
  private readable(input: string): string {
    const buffer = this.bufferOf(input);
    if (this.chosen.has(buffer)) return this.copyOf(input);
    const { lives } = this.timeline;
    const life = lives.get(buffer);
    if (!life || life.last >= this.from) return input;
    const version = this.rewriting.versionsOf(buffer).find((other) => {
      const span = lives.get(other);
      return span !== undefined && span.born < this.from && span.last >= this.from;
    });
    return version === undefined || version === buffer ? input : this.through(input, buffer, version);
  }

  /** The reshapes from a buffer to a name, made from another version of the buffer. */
  private through(name: string, buffer: string, version: string): string {
    if (name === buffer) return version;
    const copied = this.copyNode(name);
    copied.input = [this.through(copied.input[0]!, buffer, version), copied.input[1]!];
    this.addAfter(version, copied);
    return copied.output[0]!;
  }

  /** Behind the node that makes a buffer. */
  private addAfter(buffer: string, node: NodeProto): void {
    const position = this.producers.get(buffer)!;
    const list = this.added.get(position);
    if (list) list.push(node);
    else this.added.set(position, [node]);
  }

  private copyNode(output: string): NodeProto {
    const node = this.rewriting.program.nodes[this.producers.get(output)!]!;
    const copied = clone(NodeProtoSchema, node);
    const name = this.rewriting.nameOfCopy(output);
    this.tensors.set(name, this.tensors.get(output)!);
    copied.output = [name];
    copied.name = `${node.name}~${name}`;
    return copied;
  }
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
