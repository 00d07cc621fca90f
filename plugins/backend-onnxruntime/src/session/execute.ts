import { deviceFailure } from '../devices/failure.js';
import { type HostArray, type HostBuffer, sizeOf, topologicalOrder, type Value } from '../graph/ir.js';
import type { BackendSettings } from './backend-settings.js';
import type { SessionCache } from './cache.js';
import { type CompiledGraph, compileGraph, leavesOf, structuralKey } from './compile.js';
import { createOnnxRuntimeError, messageOf } from './errors.js';
import { runInPlace } from './in-place.js';
import { type OrtTensor, ort } from './runtime.js';

/** Computes the given values in one run and stores their bytes in them. */
export function executeGraph(outputs: readonly Value[], settings: BackendSettings, cache: SessionCache): void {
  const empty = outputs.filter((output) => output.shape.includes(0));
  for (const output of empty)
    settle(output, { data: hostArray(output.dtype, 0), layout: identityOf(output), dims: output.shape });
  const wanted = outputs.filter((output) => !output.shape.includes(0));
  if (wanted.length === 0) return;
  const order = topologicalOrder(wanted);
  const leaves = leavesOf(order, wanted);
  const graph = cache.get(structuralKey(order, leaves, wanted), () => compileGraph(order, leaves, wanted, settings));
  const results = runGraph(
    graph,
    leaves.map((leaf) => leaf.buffer!),
    leaves,
  );
  wanted.forEach((output, position) => {
    settle(output, results[position]!);
  });
}

function identityOf(value: Value): string {
  return `/1/${value.shape.map((_, axis) => axis).join('.')}`;
}

function hostArray(dtype: Value['dtype'], size: number): HostArray {
  if (dtype === 'float32') return new Float32Array(size);
  return dtype === 'int32' ? new Int32Array(size) : new Uint8Array(size);
}

function settle(value: Value, buffer: HostBuffer): void {
  value.buffer = buffer;
  value.node = undefined;
}

/** ONNX Runtime's view of a buffer; the bytes are shared, not copied. */
function tensorOf(buffer: HostBuffer, dtype: Value['dtype']): OrtTensor {
  if (!buffer.tensor) {
    const { Tensor } = ort();
    buffer.tensor = new Tensor(dtype, buffer.data as never, buffer.dims);
  }
  return buffer.tensor;
}

/** Runs a compiled graph. `reuse` gives buffers to write the outputs into. */
export function runGraph(
  graph: CompiledGraph,
  inputs: readonly HostBuffer[],
  leaves: readonly Pick<Value, 'dtype'>[],
  reuse: readonly (HostBuffer | undefined)[] = [],
): HostBuffer[] {
  const feeds: Record<string, OrtTensor> = {};
  graph.inputNames.forEach((name, position) => {
    feeds[name] = tensorOf(inputs[position]!, leaves[position]!.dtype);
  });
  let results: Record<string, OrtTensor>;
  try {
    results = graph.stop === undefined ? runCopying(graph, feeds) : runWriting(graph, graph.stop, feeds, reuse);
  } catch (cause) {
    throw runFailed(graph, cause);
  }
  return graph.outputNames.map((name, position) => {
    const tensor = results[name]!;
    return {
      data: tensor.data as HostArray,
      layout: graph.outputLayouts[position]!,
      dims: graph.outputShapes[position]!,
      tensor,
      owned: true,
    };
  });
}

/** onnxruntime-node allocates every output anew. */
function runCopying(graph: CompiledGraph, feeds: Record<string, OrtTensor>): Record<string, OrtTensor> {
  return graph.session.run(feeds, Object.fromEntries(graph.outputNames.map((name) => [name, null])));
}

function runWriting(
  graph: CompiledGraph,
  stop: string,
  feeds: Record<string, OrtTensor>,
  reuse: readonly (HostBuffer | undefined)[],
): Record<string, OrtTensor> {
  const outputs = Object.fromEntries(
    graph.outputNames.map((name, position) => {
      const known = reuse[position]?.tensor;
      return [name, known ?? emptyTensor(graph.outputTypes[position]!, graph.outputShapes[position]!)] as const;
    }),
  );
  runInPlace(graph.session, feeds, stop, outputs);
  return outputs;
}

function emptyTensor(dtype: Value['dtype'], dims: readonly number[]): OrtTensor {
  const { Tensor } = ort();
  return new Tensor(dtype, hostArray(dtype, sizeOf(dims)) as never, dims);
}

function runFailed(graph: CompiledGraph, cause: unknown): Error {
  const failure = deviceFailure(graph.device, cause);
  if (failure) return failure;
  const message = messageOf(cause);
  // The last is JavaScript's, for an array longer than any may be.
  if (/alloc|memory|array length/i.test(message)) {
    return createOnnxRuntimeError(
      'DMX_ENGINE_MEMORY',
      `out of memory while running a graph of ${graph.nodeCount} operations: ${message}`,
      'Make the patch (train.patch) or the batch smaller; memory grows with their product. Checkpoints on disk are untouched.',
      cause,
    );
  }
  return createOnnxRuntimeError(
    'DMX_ENGINE_RUN',
    `the graph failed while running: ${message}`,
    'The message names the operation.',
    cause,
  );
}
