import '../../../../test/backend.js';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunRecord } from '@dinomix/core';
import { describe, expect, it } from 'vitest';
import { tinyPlugin } from '../../../../test/tiny-plugins.js';
import { checkpointDigests, eventsOf, newFolder, tinyRun } from '../../../../test/tiny-run.js';

const powerCut = { step: -1 };
const breaker = tinyPlugin([], (api) => {
  api.hooks.stepEnd.tap(({ position }) => {
    if (position.step === powerCut.step) throw new Error('power cut');
  });
});
const options = { more: [breaker], train: { passes: 'by-view' } };

describe('a run in passes', () => {
  it('after a kill gives the bytes of an uninterrupted run, with any number of workers', async () => {
    const whole = await tinyRun({ ...options, train: { passes: 'by-view', workers: 2 } });
    expect(whole.outcome.error).toBeNull();
    const directory = await newFolder();
    powerCut.step = 4;
    expect((await tinyRun(options, { directory })).outcome.status).toBe('failed');
    powerCut.step = -1;
    const resumed = await tinyRun(options, { directory, resume: true });
    expect(eventsOf(resumed.events, 'step').map(({ report }) => report.position.step)).toEqual([3, 4, 5]);
    const [found, expected] = [await checkpointDigests(directory), await checkpointDigests(whole.directory)];
    const tensors = 'checkpoint-00000006.safetensors';
    expect(found[tensors]).toBe(expected[tensors]);
    expect(found[tensors]).toBeDefined();
  });

  it.each([
    ['together', 'all views of a student together'],
    ['by-view', 'each view by itself'],
    ['by-crop', 'each crop by itself'],
  ])('%s says in its record what batch statistics are taken over: %s', async (passes, batchStatistics) => {
    const { directory } = await tinyRun({ train: { passes, epochs: 1, stepsPerEpoch: 1, validateEvery: 0 } });
    const record = JSON.parse(await readFile(join(directory, 'record.json'), 'utf8')) as RunRecord;
    expect(record.passes).toMatchObject({ mode: passes, batchStatistics });
  });
});
