import { deviceFailure } from '../devices/failure.js';
import type { GraphDType, Node, Value } from '../graph/ir.js';
import { createContext, type ExecutionProvider, type Target } from '../lowering/context.js';
import { type Emitted, Emitter } from '../lowering/emitter.js';
import { identityLayout, layoutKey, parseLayout } from '../lowering/layout.js';
import { Lowered, onnxType } from '../lowering/lowered.js';
import { lowerings } from '../lowering/table.js';
import type { Program } from '../memory/program.js';
import { recompute } from '../memory/recompute.js';
import { createOnnxRuntimeError, messageOf } from './errors.js';
import { declareStop, writesInPlace } from './in-place.js';
import { createResumableSession, type ResumableSession, type SessionOptions } from './runtime.js';

/** One graph ready to run: leaves go in by position, outputs come out in the layouts named here. */
export interface CompiledGraph {
  readonly session: ResumableSession;
  readonly device: ExecutionProvider;
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly outputLayouts: readonly string[];
  readonly outputShapes: readonly (readonly number[])[];
  readonly outputTypes: readonly GraphDType[];
  /** Set where the outputs are written into tensors given to the run: see `in-place.ts`. */
  readonly stop: string | undefined;
  readonly nodeCount: number;
  readonly bytes: number;
}

/** The values that a graph reads, in the order of first use. */
export function leavesOf(order: readonly Node[], outputs: readonly Value[]): Value[] {
  const leaves = new Set<Value>();
  for (const node of order) {
    for (const input of node.inputs) if (input.node === undefined || input.buffer !== undefined) leaves.add(input);
  }
  for (const output of outputs) if (output.buffer !== undefined) leaves.add(output);
  return [...leaves];
}

/** A text that is equal for two graphs exactly when one compiled session serves both. */
export function structuralKey(order: readonly Node[], leaves: readonly Value[], outputs: readonly Value[]): string {
  const index = new Map<Value, number>();
  const parts: string[] = [];
  for (const leaf of leaves) {
    index.set(leaf, index.size);
    parts.push(`${leaf.dtype}${leaf.shape.join(',')}@${leaf.buffer!.layout}`);
  }
  for (const node of order) {
    const inputs = node.inputs.map((input) => index.get(input)).join(',');
    for (const output of node.outputs) index.set(output, index.size);
    const results = node.outputs.map((output) => `${output.dtype}${output.shape.join(',')}`).join(';');
    const attributes = Object.keys(node.attributes).length > 0 ? JSON.stringify(node.attributes) : '';
    parts.push(`${node.op}(${inputs})${attributes}:${results}`);
  }
  parts.push(outputs.map((output) => index.get(output)).join(','));
  return parts.join('\n');
}

/** Where and how graphs are compiled. */
export interface CompileSettings {
  readonly target: Target;
  readonly session: SessionOptions;
  /** Bytes at the peak from which on a graph computes what is cheap again in the backward pass instead of keeping it. */
  readonly recomputeFrom: number;
}

/** A graph as it will be loaded. */
interface LoweredGraph extends Omit<CompiledGraph, 'session' | 'bytes'> {
  readonly emitter: Emitter;
  readonly program: Program;
}

function filterInputsOf(order: readonly Node[]): ReadonlySet<Value> {
  return new Set(order.flatMap(({ op, inputs }) => (op === 'ConvBackpropFilter' ? [inputs[0]!] : [])));
}

/** Lowers and emits a graph and plans its memory, without loading it. */
export function lowerGraph(
  order: readonly Node[],
  leaves: readonly Value[],
  outputs: readonly Value[],
  { target, recomputeFrom }: CompileSettings,
): LoweredGraph {
  const emitter = new Emitter();
  const lowered = new Map<Value, Lowered>();
  const inputNames = leaves.map((leaf, position) => {
    const { layout, dims } = leaf.buffer!;
    const input = emitter.input(`in${position}`, dims, onnxType(leaf.dtype));
    lowered.set(leaf, new Lowered(emitter, leaf.shape, leaf.dtype, input, parseLayout(layout)));
    return input.name;
  });
  const ctx = createContext(emitter, target, filterInputsOf(order));
  for (const node of order) lowerNode(node, lowered, ctx, emitter);

  const stop = target.provider === 'cpu' && writesInPlace() ? declareStop(emitter) : undefined;
  const outputLayouts: string[] = [];
  const outputShapes: (readonly number[])[] = [];
  const outputNames = outputs.map((output, position) => {
    const value = lowered.get(output)!;
    const emitted: Emitted = value.as(value.primary);
    outputLayouts.push(layoutKey(value.primary));
    outputShapes.push(emitted.shape);
    return emitter.output(emitted, `out${position}`);
  });
  const program = emitter.program();
  const planned = target.provider === 'cpu' ? recompute(program, recomputeFrom) : program;
  const outputTypes = outputs.map(({ dtype }) => dtype);
  const { nodeCount } = emitter;
  return {
    ...{ emitter, program: planned, device: target.provider, inputNames, stop, nodeCount },
    ...{ outputNames, outputLayouts, outputShapes, outputTypes },
  };
}

/** Lowers, emits and loads a graph. */
export function compileGraph(
  order: readonly Node[],
  leaves: readonly Value[],
  outputs: readonly Value[],
  settings: CompileSettings,
): CompiledGraph {
  const { emitter, program, ...graph } = lowerGraph(order, leaves, outputs, settings);
  const model = emitter.build(program);
  try {
    return { ...graph, session: createResumableSession(model, settings.session), bytes: model.byteLength };
  } catch (cause) {
    throw deviceFailure(graph.device, cause) ?? graphRefused(order, cause);
  }
}

function lowerNode(
  node: Node,
  lowered: Map<Value, Lowered>,
  ctx: ReturnType<typeof createContext>,
  emitter: Emitter,
): void {
  const lowering = lowerings[node.op];
  if (!lowering)
    throw createOnnxRuntimeError('DMX_ENGINE_GRAPH', `no lowering for the operation ${node.op}`, describeNode(node));
  emitter.label = `${node.op}_${node.id}`;
  try {
    const inputs = node.inputs.map((input) => lowered.get(input)!);
    lowering(ctx, node, inputs).forEach((value, index) => {
      lowered.set(node.outputs[index]!, value);
    });
  } catch (cause) {
    throw createOnnxRuntimeError(
      'DMX_ENGINE_GRAPH',
      `${node.op} could not be lowered: ${messageOf(cause)}`,
      describeNode(node),
      cause,
    );
  }
}

/** The operation, its shapes and the line that recorded it. */
export function describeNode(node: Node): string {
  const shapes = (values: readonly Value[]) => values.map((value) => `${value.dtype}[${value.shape}]`).join(', ');
  const stack = node.origin?.stack?.split('\n').slice(1).join('\n');
  const where = stack ? `\nrecorded at\n${stack}` : '\nSet recordOrigins to see the line that recorded it.';
  return `operation ${node.op}: ${shapes(node.inputs)} -> ${shapes(node.outputs)}${where}`;
}

/** ONNX Runtime names the emitted node, whose name carries the recorded operation and its number. */
function graphRefused(order: readonly Node[], cause: unknown): Error {
  const message = messageOf(cause);
  const id = /([A-Za-z0-9]+)_(\d+)#\d+/.exec(message);
  const node = id ? order.find((candidate) => candidate.id === Number(id[2])) : undefined;
  return createOnnxRuntimeError(
    'DMX_ENGINE_GRAPH',
    `ONNX Runtime refused the graph: ${message}`,
    node ? describeNode(node) : 'Please report this with the program that recorded it.',
    cause,
  );
}

export function identityKey(rank: number): string {
  return layoutKey(identityLayout(rank));
}
