import { createHash } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dinomix, startDinomix } from '../support/command.js';
import { createProject, fileOf } from '../support/small-project.js';

/** Digest of every checkpoint file, by name. */
async function digests(run: string): Promise<Record<string, string>> {
  const folder = join(run, 'checkpoints');
  const entries = (await readdir(folder)).sort().map(async (name) => {
    const bytes = await readFile(join(folder, name));
    return [name, createHash('sha256').update(bytes).digest('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** Waits in the middle of a step, the gradients made and the weights not yet moved, and says so. */
const STOPS_IN_STEP = `plugin('stops', [], (api) => api.hooks.gradientsReady.tap((_, { position }) => {
  if (!process.env.STOP_IN_STEP || position.step !== 5) return undefined;
  process.stderr.write('in the middle of step 5');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600_000);
}))`;

describe('a killed run', () => {
  it('goes on to the bytes of an uninterrupted one, killed in the middle of a step', async () => {
    const folder = await createProject({ plugins: STOPS_IN_STEP, train: 'epochs: 3, stepsPerEpoch: 3' });
    expect((await dinomix(folder, 'train', '-o', 'whole/run')).code).toBe(0);
    process.env.STOP_IN_STEP = 'yes';
    const { child, seen, ended } = startDinomix(folder, ['train', '-o', 'run']);
    delete process.env.STOP_IN_STEP;
    await seen('in the middle of step 5');
    child.kill('SIGKILL');
    expect((await ended).signal).toBe('SIGKILL');
    expect(Object.keys(await digests(join(folder, 'run')))).toContain('checkpoint-00000003.json');
    const resumed = await dinomix(folder, 'resume', 'run');
    expect({ code: resumed.code, err: resumed.err }).toMatchObject({ code: 0 });
    expect(await digests(join(folder, 'run'))).toEqual(await digests(join(folder, 'whole/run')));
  });

  it('says so where an image changed before it goes on', async () => {
    const folder = await createProject({ plugins: STOPS_IN_STEP, train: 'epochs: 3, stepsPerEpoch: 3' });
    process.env.STOP_IN_STEP = 'yes';
    const { child, seen, ended } = startDinomix(folder, ['train', '-o', 'run']);
    delete process.env.STOP_IN_STEP;
    await seen('in the middle of step 5');
    child.kill('SIGKILL');
    await ended;
    await copyFile(fileOf(folder, 'image', 'b'), fileOf(folder, 'image', 'a'));
    const resumed = await dinomix(folder, 'resume', 'run');
    expect(resumed.code).toBe(0);
    expect(resumed.out + resumed.err + (await readFile(join(folder, 'run/events.jsonl'), 'utf8'))).toMatch(
      /The images or labels of (\\?"[abcd]\\?"(, )?)+ changed since the last checkpoint/,
    );
  });

  it('does too when it was killed while a checkpoint was being written', async () => {
    const folder = await createProject({ train: 'epochs: 3, stepsPerEpoch: 3' });
    expect((await dinomix(folder, 'train', '-o', 'whole/run')).code).toBe(0);
    await mkdir(join(folder, 'run', 'checkpoints'), { recursive: true });
    const { child, ended } = startDinomix(folder, ['train', '-o', 'run']);
    let watcher: FSWatcher | undefined;
    const written = new Promise<void>((resolve) => {
      watcher = watch(join(folder, 'run', 'checkpoints'), (_, name) => {
        // The temporary file of the second checkpoint has appeared: it is being written.
        if (name === null || !/^\.checkpoint-00000006.*\.tmp$/.test(name)) return;
        child.kill('SIGKILL');
        resolve();
      });
    });
    await written;
    watcher!.close();
    expect((await ended).signal).toBe('SIGKILL');
    const left = await readdir(join(folder, 'run', 'checkpoints'));
    expect(left).toContain('checkpoint-00000003.safetensors');
    const resumed = await dinomix(folder, 'resume', 'run');
    expect({ code: resumed.code, err: resumed.err }).toMatchObject({ code: 0 });
    expect(await digests(join(folder, 'run'))).toEqual(await digests(join(folder, 'whole/run')));
  });
});
