import { describe, expect, it } from 'vitest';
import { SessionCache } from './cache.js';
import type { CompiledGraph } from './compile.js';

/** A compiled graph that notes its release. */
function graph(name: string, released: string[]): CompiledGraph {
  const session = {
    run: () => ({}),
    suspend: () => void released.push(`memory of ${name}`),
    dispose: () => void released.push(name),
  };
  return {
    session,
    device: 'cpu',
    inputNames: [],
    outputNames: [],
    outputLayouts: [],
    outputShapes: [],
    outputTypes: [],
    stop: undefined,
    nodeCount: 0,
    bytes: 0,
  };
}

describe('SessionCache', () => {
  function filled(capacity: number) {
    const released: string[] = [];
    const cache = new SessionCache(capacity);
    const get = (name: string) => cache.get(name, () => graph(name, released));
    const hold = (name: string) => cache.hold(name, () => graph(name, released));
    return { cache, get, hold, released };
  }

  it('compiles a structure once', () => {
    const { cache, get } = filled(2);
    expect(get('a')).toBe(get('a'));
    expect(cache.statistics()).toEqual({ hits: 1, misses: 1, evictions: 0, sessions: 1 });
  });

  it('releases the structure that was not used for longest', () => {
    const { cache, get, released } = filled(2);
    for (const name of ['a', 'b', 'a', 'c']) get(name);
    expect(released).toEqual(['b']);
    get('a');
    expect(cache.statistics()).toEqual({ hits: 2, misses: 3, evictions: 1, sessions: 2 });
  });

  it('makes room before it compiles, so that the arenas do not add up', () => {
    const { cache, get, released } = filled(1);
    get('a');
    cache.get('b', () => {
      expect(released).toEqual(['a']);
      return graph('b', released);
    });
  });

  it('never releases what somebody holds, whatever the bound', () => {
    const { cache, get, hold, released } = filled(1);
    hold('held');
    for (const name of ['a', 'b', 'c']) get(name);
    expect(released).toEqual(['a', 'b']);
    hold('held');
    cache.release('held');
    expect(released).toEqual(['a', 'b']);
    cache.release('held');
    cache.release('unknown');
    expect(released).toEqual(['a', 'b', 'held']);
    expect(cache.statistics().sessions).toBe(1);
  });

  it('gives back the memory of all, and all on request', () => {
    const { cache, get, hold, released } = filled(3);
    hold('a');
    get('b');
    cache.suspend();
    expect(released).toEqual(['memory of a', 'memory of b']);
    cache.clear();
    expect(released.slice(2)).toEqual(['a', 'b']);
    expect(cache.statistics().sessions).toBe(0);
  });
});
