import { dmxError } from '../errors/codes.js';
import { isDmxError, reasonOf } from '../errors/dmx-error.js';
import { withDeadline } from './deadline.js';

/** A function that gives something back. */
export type Disposer = () => Promise<void> | void;

/** Disposers of one scope: run last in, first out, one after the other, each under a deadline. */
export interface DisposalStack {
  readonly size: number;
  /** @param owner - who is named when it fails or hangs: a plugin with its version, or a part of core. */
  add(owner: string, dispose: Disposer): void;
  /** Runs and forgets all disposers. Returns the failures; a failing one does not keep the others from running. */
  run(milliseconds: number): Promise<readonly Error[]>;
}

/** Makes an empty stack. */
export function createDisposalStack(): DisposalStack {
  const entries: { readonly owner: string; readonly dispose: Disposer }[] = [];
  return {
    get size() {
      return entries.length;
    },
    add(owner, dispose) {
      entries.push({ owner, dispose });
    },
    async run(milliseconds) {
      const failures: Error[] = [];
      for (let entry = entries.pop(); entry !== undefined; entry = entries.pop()) {
        const { owner, dispose } = entry;
        try {
          await withDeadline(dispose, milliseconds, `disposal of ${owner}`, { plugin: owner, phase: 'dispose' });
        } catch (thrown) {
          failures.push(
            isDmxError(thrown)
              ? thrown
              : dmxError(
                  'DMX_DISPOSE_FAILED',
                  { what: owner, reason: reasonOf(thrown) },
                  { plugin: owner, phase: 'dispose', cause: thrown },
                ),
          );
        }
      }
      return failures;
    },
  };
}
