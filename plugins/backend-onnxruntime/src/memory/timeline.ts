import { executionOrder } from './execution-order.js';
import { overwritable } from './overwritable.js';
import { buffersOf, type Program } from './program.js';

/** When a buffer is in use, in steps of the execution order. */
export interface Life {
  readonly bytes: number;
  readonly born: number;
  /** Steps at which it is read, ascending. */
  readonly reads: readonly number[];
  /** Step after which it is given back; beyond the last step for outputs. */
  readonly last: number;
}

export interface Timeline {
  /** By position of a node: the input that its result may be written over, which dies with it. */
  readonly overwritten: ReadonlyMap<number, string>;
  /** Positions of nodes in the order in which they run. */
  readonly order: readonly number[];
  readonly buffers: ReadonlyMap<string, string>;
  /** By name of the value that has the buffer. */
  readonly lives: ReadonlyMap<string, Life>;
  /** Bytes in use while each step runs. */
  readonly inUse: Float64Array;
  /** Step at which most bytes are in use. */
  readonly peakStep: number;
  readonly peak: number;
}

/** ONNX Runtime gives memory in pieces of 256 bytes. */
const GRAIN = 256;

/** What is in use when, where every buffer is given back after its last use. Inputs and initialisers are not counted. */
export function timelineOf({ nodes, tensors, outputs }: Program): Timeline {
  const order = executionOrder(nodes);
  const buffers = buffersOf(nodes);
  const bufferOf = (name: string) => buffers.get(name) ?? name;
  const kept = new Set([...outputs].map(bufferOf));
  const reads = new Map<string, number[]>();
  const born = new Map<string, number>();
  order.forEach((position, step) => {
    const node = nodes[position]!;
    for (const name of node.input) {
      const steps = reads.get(bufferOf(name));
      if (steps && steps[steps.length - 1] !== step) steps.push(step);
    }
    for (const name of node.output) {
      if (buffers.has(name) || !tensors.has(name)) continue;
      born.set(name, step);
      reads.set(name, []);
    }
  });
  const lives = new Map<string, Life>();
  const change = new Float64Array(order.length + 2);
  for (const [name, start] of born) {
    const steps = reads.get(name)!;
    const last = kept.has(name) ? order.length : (steps[steps.length - 1] ?? start);
    const size = Math.ceil(tensors.get(name)!.bytes / GRAIN) * GRAIN;
    lives.set(name, { bytes: size, born: start, reads: steps, last });
    // Outputs are written into arrays that are there from the start.
    change[kept.has(name) ? 0 : start]! += size;
    change[last + 1]! -= size;
  }
  const overwritten = new Map<number, string>();
  order.forEach((position, step) => {
    const node = nodes[position]!;
    const size = lives.get(node.output[0]!)?.bytes;
    if (size === undefined || kept.has(node.output[0]!)) return;
    const target = overwritable(node);
    const life = target === undefined ? undefined : lives.get(bufferOf(target));
    if (target === undefined || life?.last !== step || life.bytes !== size) return;
    overwritten.set(position, target);
    change[step]! -= size;
    change[step + 1]! += size;
  });
  const inUse = new Float64Array(order.length);
  let now = 0;
  let peakStep = 0;
  for (let step = 0; step < order.length; step++) {
    now += change[step]!;
    inUse[step] = now;
    if (now > inUse[peakStep]!) peakStep = step;
  }
  return { overwritten, order, buffers, lives, inUse, peakStep, peak: inUse[peakStep] ?? 0 };
}
