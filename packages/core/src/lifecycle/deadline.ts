import { dmxError } from '../errors/codes.js';
import type { ErrorContext } from '../errors/dmx-error.js';

/**
 * Waits for a task no longer than the deadline. The task itself cannot be stopped; its later result is ignored.
 * @param milliseconds - Infinity waits for ever.
 * @throws DMX_DEADLINE naming `what`.
 */
export async function withDeadline<V>(
  task: () => Promise<V> | V,
  milliseconds: number,
  what: string,
  context: ErrorContext = {},
): Promise<V> {
  if (milliseconds === Number.POSITIVE_INFINITY) return task();
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(dmxError('DMX_DEADLINE', { what, milliseconds }, context)), milliseconds);
  });
  try {
    return await Promise.race([Promise.resolve().then(task), expired]);
  } finally {
    clearTimeout(timer);
  }
}
