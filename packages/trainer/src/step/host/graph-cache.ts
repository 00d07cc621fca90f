import type { NamedTensors, RecordedFunction, TensorFunction } from '@dinomix/core';
import { type Tensor, tidy } from '@tensorflow/tfjs-core';
import type { RunningBackend } from '../../types.js';

/** Makes a function of tensors that tells `N` whenever it really runs. */
export type TracedGraph<N> = (onTrace: (notes: N) => void) => TensorFunction<Tensor>;

/** Runs a graph: recorded once for each signature where the backend can, else traced every time. */
export interface GraphCache<N> {
  /**
   * Runs the graph. Outputs belong to the caller, inputs stay alive.
   * @param kind - what the graph depends on besides its inputs.
   */
  run(kind: string, inputs: NamedTensors<Tensor>): { readonly outputs: NamedTensors<Tensor>; readonly notes: N };
}

interface Entry<N> {
  readonly recorded: boolean;
  readonly run: RecordedFunction<Tensor>;
  readonly notes: () => N;
}

/** Names, types and shapes of tensors. */
function signatureOf(tensors: NamedTensors<Tensor>): string {
  return Object.keys(tensors)
    .sort()
    .map((name) => `${name}:${tensors[name]!.dtype}[${tensors[name]!.shape}]`)
    .join(';');
}

function createEntry<N>(
  create: TracedGraph<N>,
  record: ((fn: TensorFunction<Tensor>) => RecordedFunction<Tensor>) | null,
): Entry<N> {
  let latest: N | undefined;
  const graph = create((notes) => {
    latest = notes;
  });
  const traced: RecordedFunction<Tensor> = (inputs) => tidy(() => graph(inputs));
  const run = record === null ? traced : record(graph);
  return { recorded: record !== null, run, notes: () => latest! };
}

/**
 * Makes an empty cache.
 * @param mayReplay - whether graphs depend on their inputs alone, as far as is known. Asked before and after each run: a
 * recording is dropped as soon as the answer is no.
 */
export function createGraphCache<N>(
  session: RunningBackend,
  create: TracedGraph<N>,
  mayReplay: () => boolean,
): GraphCache<N> {
  const entries = new Map<string, Entry<N>>();
  const record = session.compileStep === undefined ? null : (fn: TensorFunction<Tensor>) => session.compileStep!(fn);
  const fresh = (): Entry<N> => createEntry(create, mayReplay() ? record : null);
  return {
    run(kind, inputs) {
      const key = `${kind}|${signatureOf(inputs)}`;
      const entry = entries.get(key) ?? fresh();
      entries.set(key, entry);
      const outputs = entry.run(inputs);
      if (entry.recorded && !mayReplay()) {
        entry.run.dispose?.();
        entries.set(key, fresh());
      }
      return { outputs, notes: entry.notes() };
    },
  };
}
