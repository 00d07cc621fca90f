import type { HookCallers } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';

/** Hooks inside the graph of a step. */
const TRACED = ['studentForward', 'weightsUpdate', 'lossTerms', 'lossReduce', 'gradientsReady'] as const;

/** Hooks that nobody hears: a plugin counts the steps of a run, and this is none. */
export function quietHooks(hooks: HookCallers<Tensor>): HookCallers<Tensor> {
  const quiet = { isUsed: () => false, call: (value: unknown) => value };
  return Object.fromEntries(Object.keys(hooks).map((name) => [name, quiet])) as unknown as HookCallers<Tensor>;
}

/** Whether some plugin works inside the graph by a hook. */
export function hasTracedTaps(hooks: HookCallers<Tensor>): boolean {
  return TRACED.some((name) => hooks[name].isUsed());
}
