import { expect, it } from 'vitest';
import { resolvePreset, resolveSlot } from '../test/resolve.js';
import { supervised } from './index.js';

it('resolves to one network and one loss on labelled crops', async () => {
  const host = await resolvePreset(supervised());
  const { use, train } = host.config;
  expect(use).toMatchObject({ student: ['vnet'], teacher: [], mixer: [], weighter: [], optimizer: ['sgd'] });
  expect(use.loss).toEqual({
    'dice-ce': { weight: 1, ramp: 'constant', per: 'step', lag: 0, length: 1, students: null },
  });
  expect(train.batch).toEqual({ labelled: 4, unlabelled: 0 });
  expect((await resolveSlot(host, 'loss'))[0]!.value).toMatchObject({ takes: { labelled: ['logits'] } });
});
