import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dinomix, startDinomix } from '../support/command.js';
import { createProject } from '../support/small-project.js';

/** A pause after every step, so that Ctrl-C meets a run that is not over. */
const PAUSES = `plugin('pauses', [], (api) => api.hooks.stepEnd.tap(() => new Promise((go) => setTimeout(go, 200))))`;
/** Keeps the thread of the run in one native call, which nothing can break off, for longer than any test. */
const HANGS = `plugin('hangs', [], (api) => api.hooks.stepEnd.tap(({ position }) => {
  if (position.step === 1) pbkdf2Sync('a', 'b', 2 ** 31 - 1, 512, 'sha512');
}))`;
const before = `import { pbkdf2Sync } from 'node:crypto';`;

async function lastCheckpoint(run: string): Promise<string> {
  const bytes = await readFile(join(run, 'checkpoints', 'checkpoint-00000012.safetensors'));
  return createHash('sha256').update(bytes).digest('hex');
}

describe('Ctrl-C', () => {
  it('once finishes the step, writes a checkpoint, says how to resume and ends with 130; resumed to the same bytes', async () => {
    const folder = await createProject({ plugins: PAUSES, train: 'epochs: 2, stepsPerEpoch: 6, validateEvery: 0' });
    const { child, seen, ended } = startDinomix(folder, ['train', '-o', 'run', '--json']);
    await seen('"step":2');
    // As npx does, which tells the command again what the terminal told it.
    child.kill('SIGINT');
    setTimeout(() => child.kill('SIGINT'), 20);
    const { code, out } = await ended;
    expect(code).toBe(130);
    const { outcome } = JSON.parse(out.trimEnd().split('\n').at(-1)!);
    expect(outcome).toMatchObject({ status: 'interrupted', error: null });
    expect(outcome.position.step).toBeLessThan(11);
    const resumed = await dinomix(folder, 'resume', 'run');
    expect({ code: resumed.code, err: resumed.err }).toMatchObject({ code: 0 });
    expect((await dinomix(folder, 'train', '-o', 'other/run')).code).toBe(0);
    expect(await lastCheckpoint(join(folder, 'run'))).toBe(await lastCheckpoint(join(folder, 'other/run')));
  });

  it('twice leaves at once, also in the middle of a step', async () => {
    const folder = await createProject({
      before,
      plugins: HANGS,
      train: 'epochs: 2, stepsPerEpoch: 6, validateEvery: 0',
    });
    const { child, seen, ended } = startDinomix(folder, ['train', '-o', 'run', '--verbose']);
    // The first epoch has no line of its own before its end; the events say where the run stands.
    await expect
      .poll(() => readFile(join(folder, 'run/events.jsonl'), 'utf8').catch(() => ''), { timeout: 100_000 })
      .toContain('"step":1');
    child.kill('SIGINT');
    await seen('Ctrl-C again leaves at once');
    await new Promise((go) => setTimeout(go, 500));
    child.kill('SIGINT');
    // A shell reports the end by SIGINT as 128 + 2 = 130.
    expect(await ended).toMatchObject({ code: null, signal: 'SIGINT' });
  });
});
