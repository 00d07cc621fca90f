import { describe, expect, it } from 'vitest';
import type { DmxError } from '../errors/dmx-error.js';
import { orderTaps } from './order.js';

const KNOWN = new Set(['a', 'b', 'c', 'd', '@x/c']);

function order(...taps: readonly (readonly [id: string, before?: readonly string[], after?: readonly string[]])[]) {
  const problems: DmxError[] = [];
  const entries = taps.map(([id, before = [], after = []]) => ({
    pluginId: id,
    names: id === 'c' ? ['c', '@x/c'] : [id],
    label: `@x/${id} 1.0.0`,
    before,
    after,
  }));
  const sorted = orderTaps('mixer.plan', entries, KNOWN, (problem) => problems.push(problem));
  return { ids: sorted.map((tap) => tap.pluginId).join(''), problems };
}

describe('orderTaps', () => {
  it('keeps the order of the config where nothing is said', () => {
    expect(order(['b'], ['a'], ['c']).ids).toBe('bac');
  });

  it('obeys before and after, and moves nothing else', () => {
    expect(order(['a'], ['b'], ['c', ['a']]).ids).toBe('bca');
    expect(order(['a', [], ['c']], ['b'], ['c']).ids).toBe('bca');
    expect(order(['a'], ['b'], ['c', ['a', 'b']], ['d', [], ['a']]).ids).toBe('cabd');
  });

  it('takes package names as well as ids', () => {
    expect(order(['a', [], ['@x/c']], ['c']).ids).toBe('ca');
  });

  it('lets a plugin without a tap here constrain nothing', () => {
    expect(order(['a', ['d']], ['b'])).toEqual({ ids: 'ab', problems: [] });
  });

  it('ignores a plugin that orders itself', () => {
    expect(order(['a', ['a']], ['b'])).toEqual({ ids: 'ab', problems: [] });
  });

  it('reports every unknown name with the nearest', () => {
    const { problems } = order(['a', ['nobody'], ['@x/d']]);
    expect(problems.map((problem) => problem.code)).toEqual(['DMX_TAP_ORDER', 'DMX_TAP_ORDER']);
    expect(problems[1]!.fix).toContain('Did you mean "@x/c"?');
  });

  it('reports the ring that cannot be ordered', () => {
    const { problems } = order(['a'], ['b', ['c']], ['c', ['d']], ['d', ['b']]);
    expect(problems.map((problem) => problem.code)).toEqual(['DMX_TAP_RING']);
    expect(problems[0]!.why).toBe(
      'They wait for each other: @x/b 1.0.0 before @x/c 1.0.0 before @x/d 1.0.0 before @x/b 1.0.0.',
    );
  });
});
