import { describe, expect, it } from 'vitest';
import { student } from '../../test/plugins.js';
import { isPluginInstance, parseSlotKey, uncalledPluginName } from './define-plugin.js';

describe('definePlugin', () => {
  it('gives a frozen instance that keeps its raw options and its new name', () => {
    const instance = student({ filters: 4 });
    expect([instance.provides, instance.as('b').provides, instance.as('b').as('c').provides]).toEqual([
      ['student:net'],
      ['student:b'],
      ['student:c'],
    ]);
    expect(Object.isFrozen(instance)).toBe(true);
  });

  it('can be told from anything else', () => {
    expect([student(), student, {}, null, { provides: [] }].map(isPluginInstance)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
    expect([student, student(), () => 1].map(uncalledPluginName)).toEqual(['@test/student', null, null]);
  });
});

describe('parseSlotKey', () => {
  it.each(['mixer', 'mixer:', 'mixer:a:b', 'mixr:a', 'mixer:A', 'mixer:1a', ':a', ''])('refuses "%s"', (key) => {
    expect(parseSlotKey(key)).toBeNull();
  });

  it('splits a key', () => {
    expect(parseSlotKey('loss:dice-ce')).toEqual({ slot: 'loss', id: 'dice-ce' });
  });
});
