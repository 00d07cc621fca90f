import { expect, it } from 'vitest';
import { resolvePreset, resolveSlot } from '../../preset-supervised/test/resolve.js';
import { dhc } from './index.js';

it('resolves to two students with weights of their own that teach each other', async () => {
  const host = await resolvePreset(dhc());
  const { use } = host.config;
  expect(use).toMatchObject({ student: ['a', 'b'], teacher: ['peer'], weighter: ['diffdw', 'distdw'], mixer: [] });
  const weighters = await resolveSlot(host, 'weighter');
  expect(weighters.map(({ id, value }) => [id, value.students])).toEqual([
    ['diffdw', ['a']],
    ['distdw', ['b']],
  ]);
  const [teacher] = await resolveSlot(host, 'teacher');
  expect(teacher!.value).toMatchObject({ kind: 'peer', takes: 'outputs' });
  expect(use.loss.consistency).toMatchObject({ weight: 0.1, ramp: 'gaussian', per: 'epoch', lag: 1 });
});

it('keeps one of the two weighters for an ablation', async () => {
  const host = await resolvePreset(dhc(), ['--off weighter.diffdw', '--set weighter.distdw.students=["a","b"]']);
  const weighters = await resolveSlot(host, 'weighter');
  expect(weighters.map(({ id, value }) => [id, value.students])).toEqual([['distdw', ['a', 'b']]]);
});
