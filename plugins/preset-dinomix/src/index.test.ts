import { defineConfig } from '@dinomix/core';
import { expect, it } from 'vitest';
import { resolvePreset, resolveSlot } from '../../preset-supervised/test/resolve.js';
import { dinomix } from './index.js';

it('resolves to the whole method', async () => {
  const host = await resolvePreset(dinomix());
  const { use } = host.config;
  expect(use).toMatchObject({ student: ['vnet'], teacher: ['ema', 'dinov3'], mixer: ['pic'], schedule: ['poly'] });
  expect(use.loss).toEqual({
    'dice-ce': { weight: 1, ramp: 'constant', per: 'step', lag: 0, length: 1, students: null },
    consistency: { weight: 1, ramp: 'gaussian', per: 'epoch', lag: 0, length: 1, students: null },
    fkd: { weight: 1, ramp: 'linear', per: 'step', lag: 0, length: 0.05, students: null },
  });
  const losses = await resolveSlot(host, 'loss');
  expect(losses.flatMap(({ value }) => Object.keys(value.takes))).toEqual([
    'labelled',
    'mixed-labelled',
    'mixed-unlabelled',
    'labelled',
    'unlabelled',
  ]);
  const teachers = await resolveSlot(host, 'teacher');
  expect(teachers.map(({ value }) => value.kind)).toEqual(['ema', 'outside']);
  expect(teachers[1]!.value.provenance).toBe('teacher: random control weights, not DINOv3');
  expect((await resolveSlot(host, 'mixer')).map(({ id }) => id)).toEqual(['pic']);
});

it('distils unlabelled crops as they are mixed where that is chosen', async () => {
  const host = await resolvePreset(dinomix({ distil: 'mixed' }));
  const losses = await resolveSlot(host, 'loss');
  expect(losses.find(({ id }) => id === 'fkd')!.value.takes).toEqual({
    labelled: ['feature:x4', 'tokens'],
    'mixed-unlabelled': ['feature:x4', 'tokens'],
  });
});

it('is taken apart from the command line for an ablation', async () => {
  const host = await resolvePreset(dinomix(), [
    '--off loss.fkd',
    '--off teacher.dinov3',
    '--set mixer.pic.curriculum=tail',
  ]);
  expect(Object.keys(host.config.use.loss)).toEqual(['dice-ce', 'consistency']);
  expect(host.config.use.teacher).toEqual(['ema']);
  const pic = host.config.plugins.find(({ id }) => id === 'mixer:pic')!;
  expect(pic.options).toMatchObject({ curriculum: 'tail', tail: 'log', donors: 'bank' });
});

it('lets a config name its plugins, and no others', () => {
  defineConfig({ extends: [dinomix()], use: { mixer: 'pic', loss: { fkd: 0.5 } } });
  // @ts-expect-error no such mixer in the preset
  defineConfig({ extends: [dinomix()], use: { mixer: 'cutmix' } });
});
