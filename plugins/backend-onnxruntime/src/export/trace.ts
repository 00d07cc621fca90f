import type { ForwardPass, NamedTensors, StudentModel } from '@dinomix/core';
import { backend as currentBackend, engine, type Tensor, tidy, zeros } from '@tensorflow/tfjs-core';
import type { OnnxRuntimeBackend } from '../backend.js';
import { createNode, type Node, topologicalOrder, type Value } from '../graph/ir.js';
import { createOnnxRuntimeError, messageOf } from '../session/errors.js';

/** The recorded inference graph of a network. */
export interface Trace {
  /** `[b, d, h, w, c]`; a value without bytes. */
  readonly input: Value;
  /** `[b, d, h, w, k]` */
  readonly logits: Value;
  /** Operations from the input to the logits, inputs before uses. */
  readonly order: readonly Node[];
  /** Whether a value depends on the input; the others are constants. */
  depends(value: Value): boolean;
}

/** Operation of the input. It has no lowering: a network that reads a value while it is traced is stopped. */
const PLACEHOLDER = 'Placeholder';

/** Between the engine and the network's own line lie about twenty of TensorFlow.js. */
const STACK_LINES = 60;

const inferencePass: ForwardPass<Tensor> = {
  items: [],
  training: false,
  dropoutKey: () => zeros([4]),
  updateBuffer: () => undefined,
  perturb: (_, x) => x,
  side: () => null,
};

/**
 * Records `model.forward` on an input of the given shape without computing anything.
 * @throws `DMX_ENGINE_EXPORT` when the network reads a value, or an operation has no kernel in this backend.
 */
export function traceStudent(
  backend: OnnxRuntimeBackend,
  model: StudentModel<Tensor>,
  weights: NamedTensors<Tensor>,
  shape: readonly number[],
): Trace {
  if (currentBackend() !== backend) throw new Error('only a network on the current backend can be traced');
  backend.flush();
  const input = createNode(PLACEHOLDER, [], {}, [{ shape, dtype: 'float32' }]).outputs[0]!;
  const calls = new Map(backend.fallbacks);
  const wasRecording = backend.recordOrigins;
  backend.recordOrigins = true;
  const stackLimit = Error.stackTraceLimit;
  Error.stackTraceLimit = STACK_LINES;
  let logits: Value | undefined;
  try {
    tidy(() => {
      const x = engine().makeTensorFromTensorInfo(backend.tensor(input));
      logits = backend.value(model.forward(x, weights, inferencePass).logits);
    });
  } catch (cause) {
    throw readError(backend, calls, cause);
  } finally {
    Error.stackTraceLimit = stackLimit;
    backend.recordOrigins = wasRecording;
  }
  return traceOf(input, logits!);
}

/** The graph between two values. */
export function traceOf(input: Value, logits: Value): Trace {
  const order = topologicalOrder([logits]).filter((node) => node !== input.node);
  const dependent = new Set<Value>([input]);
  for (const node of order) {
    if (node.inputs.some((value) => dependent.has(value))) for (const output of node.outputs) dependent.add(output);
  }
  if (!dependent.has(logits)) {
    throw createOnnxRuntimeError(
      'DMX_ENGINE_EXPORT',
      'the logits do not depend on the input of the network',
      'Check that forward() computes its logits from the tensor it is given.',
    );
  }
  return { input, logits, order, depends: (value) => dependent.has(value) };
}

function readError(backend: OnnxRuntimeBackend, before: ReadonlyMap<string, number>, cause: unknown): unknown {
  if (!messageOf(cause).includes(PLACEHOLDER)) return cause;
  const kernel = [...backend.fallbacks].find(([name, count]) => count !== (before.get(name) ?? 0))?.[0];
  const why = kernel
    ? `the network uses ${kernel}, which this backend computes on TensorFlow.js's CPU backend, outside the graph`
    : 'the network reads a value while it is recorded, so the rest depends on that value and cannot be a graph';
  const line = callerOf(cause);
  return createOnnxRuntimeError(
    'DMX_ENGINE_EXPORT',
    `${why}${line ? ` (${line})` : ''}`,
    'Use operations that the table of supported kernels in the README lists, and read no tensor inside forward().',
    cause,
  );
}

/** The line that called TensorFlow.js. */
function callerOf(cause: unknown): string | undefined {
  const lines = cause instanceof Error ? (cause.stack ?? '').split('\n') : [];
  const library = lines.findIndex((line) => line.includes('tfjs-core'));
  return lines
    .slice(library + 1)
    .find((line) => /^\s+at /.test(line) && !line.includes('tfjs-core'))
    ?.trim();
}
