import type { Bound, ViewNeed } from '@dinomix/core';
import { expect, it } from 'vitest';
import type { TeacherSlot } from '../../types.js';
import { teachersInUse } from './teachers-in-use.js';

const teacher = (id: string, produces: TeacherSlot['produces']) => {
  return { id, plugin: id, value: { produces } as TeacherSlot } satisfies Bound<TeacherSlot>;
};
const ema = teacher('ema', { probabilities: true, tokens: false });
const dinov3 = teacher('dinov3', { probabilities: false, tokens: true });
const both = teacher('both', { probabilities: true, tokens: true });
const loss = (need: ViewNeed) => ({ value: { takes: { labelled: [need] } } });

it('are all where a loss takes tokens', () => {
  const losses = [loss('pseudo-labels'), loss('tokens')];
  expect(teachersInUse([ema, dinov3, both], losses)).toEqual({ used: [ema, dinov3, both], idle: [] });
});

it('are not those that give tokens alone where none does', () => {
  expect(teachersInUse([ema, dinov3, both], [loss('pseudo-labels')])).toEqual({
    used: [ema, both],
    idle: [dinov3],
  });
});
