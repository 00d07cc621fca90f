import type { Trace } from '../export/trace.js';
import type { Target } from '../lowering/context.js';
import type { Emitted } from '../lowering/emitter.js';
import type { Lowered } from '../lowering/lowered.js';
import { recompute } from '../memory/recompute.js';
import { createOnnxRuntimeError, messageOf } from '../session/errors.js';
import { declareStop, runInPlace } from '../session/in-place.js';
import { createSession, type OrtSession, type OrtTensor, type SessionOptions } from '../session/runtime.js';
import { lowerNetworkNode } from './lowering.js';
import { NetworkScope } from './scope.js';
import { cutWeights } from './weights.js';

export interface CompileSettings {
  readonly target: Target;
  readonly session: SessionOptions;
}

/** A network compiled for one image size; every result is written into the array given for it. */
export interface CompiledNetwork {
  readonly nodeCount: number;
  /** @param inputs tensors by name, `image` among them @param outputs one tensor for each result of the ending, in order */
  run(inputs: Record<string, OrtTensor>, outputs: readonly OrtTensor[]): void;
  dispose(): void;
}

/** Ends the graph after the logits and returns its results. */
export type Ending = (scope: NetworkScope, logits: Lowered) => readonly Emitted[];

export const IMAGE = 'image';

/** Lowers, emits and loads an imported graph. The input `image` is [1, d, h, w, c]. */
export function compileNetwork(trace: Trace, settings: CompileSettings, ending: Ending): CompiledNetwork {
  const scope = new NetworkScope({ ...settings.target, keepsKernels: true });
  const { emitter, ctx } = scope;
  const stop = declareStop(emitter);
  const image = emitter.input(IMAGE, trace.input.shape, 'float32');
  scope.set(trace.input, ctx.wrap(trace.input.shape, 'float32', image));
  for (const node of trace.order) {
    emitter.label = `${node.op}_${node.id}`;
    lowerNetworkNode(scope, node);
  }
  emitter.label = '';
  const names = ending(scope, scope.get(trace.logits)).map((value, index) => emitter.output(value, `result${index}`));
  const { program, fixed } = cutWeights(scope, settings.session);
  const session = createSession(emitter.build(recompute(program)), settings.session);
  return {
    nodeCount: emitter.nodeCount,
    run: (inputs, outputs) => {
      const results = Object.fromEntries(names.map((name, index) => [name, outputs[index]!] as const));
      runChecked(session, { ...fixed, ...inputs }, stop, results);
    },
    dispose: () => session.dispose(),
  };
}

function runChecked(
  session: OrtSession,
  feeds: Record<string, OrtTensor>,
  stop: string,
  results: Record<string, OrtTensor>,
): void {
  try {
    runInPlace(session, feeds, stop, results);
  } catch (cause) {
    throw runFailure(cause);
  }
}

export function runFailure(cause: unknown): Error {
  const message = messageOf(cause);
  if (/alloc|memory/i.test(message)) {
    return createOnnxRuntimeError(
      'DMX_ENGINE_MEMORY',
      `out of memory while the network ran: ${message}`,
      'Make the window smaller; memory grows with its volume.',
      cause,
    );
  }
  return createOnnxRuntimeError(
    'DMX_ENGINE_RUN',
    `the network failed while running: ${message}`,
    'The message names the operation.',
    cause,
  );
}
