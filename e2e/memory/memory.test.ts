import { spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunEvent, RunRecord } from '@dinomix/core';
import { describe, expect, it } from 'vitest';
import { COMMAND, dinomix } from '../support/command.js';
import { createProject } from '../support/small-project.js';

/** Runs the command under a limit of the address space. */
function limited(folder: string, kibibytes: number, ...args: readonly string[]) {
  const shell = ['-c', `ulimit -v ${kibibytes}; exec "$@"`, 'sh', process.execPath, COMMAND, ...args];
  const { status, stdout, stderr } = spawnSync('sh', shell, { cwd: folder, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

/** A step of more than a gigabyte on this data set. */
const SETTINGS = ['train.patch=[32,64,64]', 'train.batch.labelled=16', 'student.vnet.filters=16'];
const LARGE = SETTINGS.flatMap((setting) => ['--set', setting]);

describe('the memory of a training', () => {
  it('is told before the first step and kept beside what was reached', async () => {
    const folder = await createProject();
    const { code, err } = await dinomix(folder, 'train', '-o', 'run');
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(err).toMatch(/^memory {2}expected at most [\d.]+ [MG]B; the \w+( \w+)* (has|leaves) [\d.]+ [MG]B\n/);
    const record = JSON.parse(await readFile(join(folder, 'run/record.json'), 'utf8')) as RunRecord;
    const { estimate } = record.memory!;
    expect(estimate.peak).toBe(Object.values(estimate.parts).reduce((sum, bytes) => sum + bytes, 0));
    expect(record.outcome!.peakMb).toBeGreaterThan(100);
    const explained = JSON.parse((await dinomix(folder, 'explain', '--memory', '--json')).out);
    expect(explained.estimate).toEqual(estimate);
  });
});

describe.runIf(process.platform === 'linux')('a limit', () => {
  it('below what the training takes is told with the settings that take less, and nothing is begun', async () => {
    const folder = await createProject();
    const { code, err } = limited(folder, 3_000_000, 'train', '-o', 'run', ...LARGE);
    expect(code, err).toBe(1);
    expect(err).toMatch(
      /DMX_MEMORY {2}The training would take [\d.]+ GB of memory, and the limit of its address space/,
    );
    expect(err).toMatch(/--set student\.vnet\.filters=\d+ {2}saves [\d.]+ [MG]B/);
    expect(err).toMatch(/--set train\.batch\.labelled=8.* {2}saves [\d.]+ [MG]B/);
    expect(await readdir(join(folder, 'run'))).not.toContain('record.json');
  });

  it('that is met in the middle of a step ends the run with the step, the crop and the settings', async () => {
    const folder = await createProject();
    const { code, err } = limited(folder, 3_000_000, 'train', '-o', 'run', '--force', ...LARGE);
    expect(code, err).toBe(1);
    expect(err).toMatch(
      /DMX_OUT_OF_MEMORY {2}The memory did not suffice (at step 0 \(epoch 0\)|before the first step)/,
    );
    expect(err).toContain('crops of [32, 64, 64] voxels. No checkpoint was written before.');
    expect(err).toMatch(/\n +--set train\.batch\.labelled=8/);
  });

  it('that is met later leaves the last checkpoint whole', async () => {
    // Takes most addresses in the second evaluation, before which the engine gave its memory back, and leaves JavaScript some.
    const plugins = `plugin('takes', [], (api) => {
      const taken = [];
      api.hooks.evalCase.tap((_, { position }) => {
        if (!process.env.TAKE || position.epoch !== 1) return;
        for (let size = 2 ** 30; size >= 2 ** 26; ) {
          try { taken.push(new ArrayBuffer(size)); } catch { size /= 2; }
        }
      });
    })`;
    const train = 'epochs: 3, stepsPerEpoch: 2, patch: [16, 64, 64], batch: { labelled: 16, unlabelled: 1 }';
    const folder = await createProject({ plugins, train });
    process.env.TAKE = 'yes';
    const { code, err } = limited(folder, 4_000_000, 'train', '-o', 'run');
    delete process.env.TAKE;
    expect(code, err).toBe(1);
    expect(err).toMatch(/DMX_OUT_OF_MEMORY {2}The memory did not suffice at step 4 \(epoch 2\)/);
    expect(err).toMatch(/The last checkpoint, .*checkpoint-00000004, is whole/);
    const events = (await readFile(join(folder, 'run/events.jsonl'), 'utf8')).trimEnd().split('\n');
    expect((JSON.parse(events.at(-1)!) as RunEvent).type).toBe('run.end');
    const resumed = await dinomix(folder, 'resume', 'run');
    expect({ code: resumed.code, err: resumed.err }).toMatchObject({ code: 0 });
  });
});
