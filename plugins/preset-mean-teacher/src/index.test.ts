import { expect, it } from 'vitest';
import { resolvePreset, resolveSlot } from '../../preset-supervised/test/resolve.js';
import { meanTeacher } from './index.js';

it('resolves to a student, its average and the squared error on unlabelled crops', async () => {
  const host = await resolvePreset(meanTeacher(), ['--set teacher.ema.decay=0.999']);
  const { use, plugins } = host.config;
  expect(use).toMatchObject({ student: ['vnet'], teacher: ['ema'], mixer: [] });
  expect(use.loss.consistency).toEqual({
    weight: 0.1,
    ramp: 'gaussian',
    per: 'epoch',
    lag: 1,
    length: 1,
    students: null,
  });
  expect(plugins.find(({ id }) => id === 'teacher:ema')!.options).toMatchObject({ decay: 0.999 });
  expect(plugins.find(({ id }) => id === 'loss:consistency')!.options).toMatchObject({
    views: ['unlabelled'],
    crossEntropy: 0,
    dice: 0,
    squaredError: 1,
  });
  expect((await resolveSlot(host, 'teacher'))[0]!.value).toMatchObject({ kind: 'ema', looksAt: ['unlabelled'] });
});
