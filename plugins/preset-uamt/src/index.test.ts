import { expect, it } from 'vitest';
import { resolvePreset, resolveSlot } from '../../preset-supervised/test/resolve.js';
import { uamt } from './index.js';

it('resolves to a noisy teacher with a map of uncertainty, and a selector by it', async () => {
  const host = await resolvePreset(uamt());
  expect(host.config.use).toMatchObject({ student: ['vnet'], teacher: ['ema'], selector: ['uncertainty'], mixer: [] });
  const [teacher] = await resolveSlot(host, 'teacher');
  expect(teacher!.value.produces).toEqual({ probabilities: true, tokens: false, maps: ['uncertainty'] });
  const [selector] = await resolveSlot(host, 'selector');
  expect(selector!.value).toMatchObject({ takes: 'targets', needs: { maps: ['uncertainty'] } });
  const losses = await resolveSlot(host, 'loss');
  expect(losses.map(({ id, value }) => [id, value.takes])).toEqual([
    ['dice-ce', { labelled: ['logits'] }],
    ['consistency', { unlabelled: ['logits', 'pseudo-labels', 'probabilities'] }],
  ]);
});
