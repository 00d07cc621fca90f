import '../../test/backend.js';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { TeacherCacheContext, TeacherCachePlan, TeacherOpenContext } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { tinyHost } from '../../test/tiny-host.js';
import { tinyEma, tinyPlugin } from '../../test/tiny-plugins.js';
import { newFolder, tinyRun } from '../../test/tiny-run.js';
import type { TeacherSlot } from '../types.js';
import { fillTeacherCaches } from './teacher-cache.js';

interface Seen {
  context?: TeacherCacheContext;
  training?: TeacherOpenContext<Tensor>;
  readonly filled: string[];
  disposed: number;
}

/** The mean teacher, with a cache in which the first unlabelled case lies already. */
function cachingTeacher(seen: Seen, plan: Partial<TeacherCachePlan>) {
  const ema = tinyEma();
  const slot: TeacherSlot = {
    ...ema,
    open: async (ctx) => {
      seen.training = ctx;
      await ema.open!(ctx);
    },
    openCacheFill: async (ctx) => {
      seen.context = ctx;
      const { labelled, unlabelled } = ctx.splits;
      const present = [unlabelled[0]!];
      return {
        plan: {
          directory: ctx.cacheDirectory,
          provenance: 'none',
          cases: [...labelled, ...unlabelled],
          present,
          shape: [1, 1, 1],
          bytesPerVolume: 1e9,
          secondsPerVolume: 1,
          bytes: 3e9,
          seconds: 2,
          limitBytes: 4e9,
          freeBytes: 1e12,
          ...plan,
        },
        fill: async (caseId) => {
          seen.filled.push(caseId);
          return present.includes(caseId) ? 'kept' : 'computed';
        },
        dispose: async () => void seen.disposed++,
      };
    },
  };
  return tinyPlugin(['teacher:ema'], (api) => api.provide('teacher', 'ema', () => slot));
}

async function fill({ plan = {}, dryRun = false, stopAfter = 99, hook = false } = {}) {
  const seen: Seen = { filled: [], disposed: 0 };
  const sampler = tinyPlugin([], (api) => {
    if (hook) api.hooks.datasetSample.tap((sample) => ({ ...sample, image: sample.image.map((value) => value + 7) }));
  });
  await using host = await tinyHost({ plugins: { teacher: cachingTeacher(seen, plan) }, more: [sampler] });
  const directory = await newFolder();
  const controller = new AbortController();
  const told: string[] = [];
  const work = fillTeacherCaches({
    host,
    directory,
    workers: 0,
    dryRun,
    signal: controller.signal,
    onPlan: (key) => told.push(key),
    onCase: (caseId, state, done, total) => {
      told.push(`${caseId} ${state} ${done}/${total}`);
      if (done === stopAfter) controller.abort(new Error('interrupted'));
    },
  });
  const [ended] = await Promise.allSettled([work]);
  const volume = hook ? await seen.context!.volume(seen.context!.splits.labelled[0]!) : null;
  return { ended, told, seen, directory, volume };
}

it('fills every case, those that are there first, where trainings look', async () => {
  const { ended, told, seen, directory } = await fill();
  const { labelled, unlabelled } = seen.context!.splits;
  const [present, ...missing] = unlabelled;
  const order = [present!, ...labelled, ...missing];
  expect(seen.filled).toEqual(order);
  expect(told).toEqual([
    'teacher:ema',
    ...order.map((one, at) => `${one} ${at === 0 ? 'kept' : 'computed'} ${at + 1}/${order.length}`),
  ]);
  expect(ended).toMatchObject({
    value: [{ teacher: 'teacher:ema', kept: 1, computed: order.length - 1, seconds: expect.any(Number) }],
  });
  expect(seen.disposed).toBe(1);
  expect(seen.context!.cacheDirectory).toBe(join(dirname(directory), '.cache', 'ema'));
  await expect(readdir(directory)).rejects.toThrow('ENOENT');
});

it('hands out the volumes that a training would, after dataset.sample', async () => {
  const [plain, hooked] = [await fill(), await fill({ hook: true })];
  const caseId = plain.seen.context!.splits.labelled[0]!;
  const seen: Seen = { filled: [], disposed: 0 };
  await tinyRun({ plugins: { teacher: cachingTeacher(seen, {}) }, train: { epochs: 1, validateEvery: 0 } });
  const { image } = await seen.training!.volume(caseId);
  expect(hooked.volume!.image).toEqual(image.map((value) => value + 7));
});

it('plans only where nothing shall be computed', async () => {
  const { ended, told, seen } = await fill({ dryRun: true, plan: { limitBytes: 1 } });
  expect(ended).toMatchObject({ status: 'fulfilled', value: [{ kept: 0, computed: 0 }] });
  expect([told, seen.filled, seen.disposed]).toEqual([['teacher:ema'], [], 1]);
});

it.each([
  [
    'the limit of the cache',
    { limitBytes: 2e9 },
    /3\.000 GB are needed, and the limit of the cache is 2\.000 GB/,
    'limitGb=3',
  ],
  ['the disk', { freeBytes: 1e9, present: [] }, /are needed, and the disk has 1\.000 GB/, 'cache.directory='],
])('refuses before it computes what %s has no room for', async (_, plan, why, fix) => {
  const { ended, seen } = await fill({ plan });
  expect(ended).toMatchObject({
    reason: {
      code: 'DMX_TEACHER_CACHE_ROOM',
      why: expect.stringMatching(why),
      fix: expect.stringContaining(`--set teacher.ema.${fix.startsWith('limit') ? 'cache.' : ''}${fix}`),
    },
  });
  expect([seen.filled, seen.disposed]).toEqual([[], 1]);
});

it('stops between cases on request', async () => {
  const { ended, seen } = await fill({ stopAfter: 1 });
  expect(ended).toMatchObject({ reason: { message: 'interrupted' } });
  expect([seen.filled.length, seen.disposed]).toEqual([1, 1]);
});

it('says how a cache is switched on where no teacher keeps one', async () => {
  await using host = await tinyHost();
  const nothing = {
    workers: 0,
    dryRun: false,
    signal: new AbortController().signal,
    onPlan: () => {},
    onCase: () => {},
  };
  await expect(fillTeacherCaches({ host, directory: await newFolder(), ...nothing })).rejects.toMatchObject({
    code: 'DMX_TEACHER_CACHE',
    why: 'Its teachers are ema.',
    fix: expect.stringContaining('--set teacher.dinov3.cache={}'),
  });
});
