import { dmxError } from '../errors/codes.js';

/** Life of a host and of a run. A host goes from `new` to `configured` and `started`; a run starts at `started`. */
export type LifecycleState = 'new' | 'configured' | 'started' | 'running' | 'stopping' | 'disposed';

/** Holds a state and refuses calls that do not fit it. */
export interface Lifecycle {
  readonly state: LifecycleState;
  /** @throws DMX_STATE naming the call, the state and the states that would do. */
  assert(call: string, ...allowed: readonly LifecycleState[]): void;
  moveTo(state: LifecycleState): void;
}

/** Makes a lifecycle in its first state. */
export function createLifecycle(first: LifecycleState): Lifecycle {
  let state = first;
  return {
    get state() {
      return state;
    },
    assert(call, ...allowed) {
      if (!allowed.includes(state)) throw dmxError('DMX_STATE', { call, state, allowed });
    },
    moveTo(next) {
      state = next;
    },
  };
}
