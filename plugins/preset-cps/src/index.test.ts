import { expect, it } from 'vitest';
import { resolvePreset, resolveSlot } from '../../preset-supervised/test/resolve.js';
import { cps } from './index.js';

it('resolves to two students that teach each other on both parts of the batch', async () => {
  const host = await resolvePreset(cps(), ['--set student.b.filters=16']);
  const { use, plugins } = host.config;
  expect(use).toMatchObject({ student: ['a', 'b'], teacher: ['peer'], mixer: [] });
  const filters = ['student:a', 'student:b'].map((id) => plugins.find((plugin) => plugin.id === id)!.options.filters);
  expect(filters).toEqual([32, 16]);
  expect((await resolveSlot(host, 'student')).map(({ id }) => id)).toEqual(['a', 'b']);
  const [teacher] = await resolveSlot(host, 'teacher');
  expect(teacher!.value).toMatchObject({ kind: 'peer', looksAt: ['labelled', 'unlabelled'] });
  const losses = await resolveSlot(host, 'loss');
  expect(losses.map(({ id, value }) => [id, Object.keys(value.takes)])).toEqual([
    ['dice-ce', ['labelled']],
    ['consistency', ['labelled', 'unlabelled']],
  ]);
});
