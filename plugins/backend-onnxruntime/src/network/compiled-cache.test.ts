import { expect, it } from 'vitest';
import { CompiledCache } from './compiled-cache.js';

it('keeps the latest used, and releases the others at once', () => {
  const events: string[] = [];
  const cache = new CompiledCache<{ dispose(): void }>(2);
  const get = (key: string) =>
    cache.getOrMake(key, () => {
      events.push(`+${key}`);
      return { dispose: () => events.push(`-${key}`) };
    });
  for (const key of ['a', 'b', 'a', 'c', 'b']) get(key);
  expect(events).toEqual(['+a', '+b', '-b', '+c', '-a', '+b']);
  cache.clear();
  expect(events.slice(6)).toEqual(['-c', '-b']);
});
