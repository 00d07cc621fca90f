import { memory } from '@tensorflow/tfjs-core';
import type { Training } from './assemble.js';

/** What looks at a run after each step and warns. */
type Watch = () => Promise<void>;

/** Warns once when tensors pile up from step to step. */
export function createLeakWatch(training: Pick<Training, 'events'>): Watch {
  const every = 50;
  let steps = 0;
  let before: number | null = null;
  let warned = false;
  return async () => {
    if (++steps % every !== 0 || warned) return;
    const { numTensors } = memory();
    const grown = before === null ? 0 : numTensors - before;
    before = numTensors;
    if (grown < every) return;
    warned = true;
    const message = `${grown} tensors were made in the last ${every} steps and not disposed; a plugin lacks a tf.tidy.`;
    await training.events.emit({ type: 'warning', message, plugin: null });
  };
}

/** Warns of every kernel that the backend leaves to a slower one, once. */
export function createFallbackWatch({ session, events }: Pick<Training, 'session' | 'events'>): Watch {
  const known = new Set<string>();
  return async () => {
    const fresh = Object.keys(session.usage().fallbackKernels).filter((name) => !known.has(name));
    if (fresh.length === 0) return;
    for (const name of fresh) known.add(name);
    const message =
      `${fresh.sort().join(', ')} ran outside of the backend ${session.name}, on a slower one that reads the values first; ` +
      'the record of the run counts the calls.';
    await events.emit({ type: 'warning', message, plugin: null });
  };
}
