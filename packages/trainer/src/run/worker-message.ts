import type { JsonObject, RunEvent, RunOutcome } from '@dinomix/core';

/** What a worker sends. */
export type WorkerMessage =
  | { readonly type: 'event'; readonly event: RunEvent }
  | { readonly type: 'outcome'; readonly outcome: RunOutcome }
  /** The run could not even be made: the config does not load, or is another one. */
  | { readonly type: 'failure'; readonly error: JsonObject };
