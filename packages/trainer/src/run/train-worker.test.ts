import { fork } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createHost, loadConfigFile, type RunEvent, type RunOutcome, type RunSpec } from '@dinomix/core';
import { describe, expect, it } from 'vitest';
import { checkpointDigests, eventsOf, newFolder } from '../../test/tiny-run.js';
import { builtIns } from '../built-ins.js';
import { createLocalExecutor } from './local-executor.js';
import type { WorkerMessage } from './worker-message.js';

const configFile = fileURLToPath(new URL('../../test/worker-config/dinomix.config.mjs', import.meta.url));

async function specFor(directory: string, overrides: readonly string[] = [], resume = false): Promise<RunSpec> {
  await using host = await createHost({ ...(await loadConfigFile(configFile, overrides)), base: builtIns });
  const config = JSON.parse(JSON.stringify(host.config)) as RunSpec['config'];
  return { configFile, overrides, configHash: host.configHash, config, directory, resume };
}

const SHORT = ['--set train.epochs=3'];

describe('the local executor', () => {
  it('trains in a thread; this one stays live and hears of every step', async () => {
    const directory = await newFolder();
    const events: RunEvent[] = [];
    let ticks = 0;
    const ticker = setInterval(() => ticks++, 1);
    const context = { signal: new AbortController().signal, onEvent: (event: RunEvent) => void events.push(event) };
    const outcome = await createLocalExecutor().run(await specFor(directory, SHORT), context);
    clearInterval(ticker);
    expect(outcome).toMatchObject({ status: 'completed', error: null });
    expect(eventsOf(events, 'step').map(({ report }) => report.position.step)).toEqual([...Array(12).keys()]);
    expect(events.at(-1)!.type).toBe('run.end');
    expect(ticks).toBeGreaterThan(12);
    expect(Object.keys(await checkpointDigests(directory))).toContain('checkpoint-00000012.safetensors');
  });

  it('stops on request after the step, with a checkpoint', async () => {
    const directory = await newFolder();
    const stop = new AbortController();
    const onEvent = ({ type }: RunEvent): void => {
      if (type === 'step') stop.abort();
    };
    const outcome = await createLocalExecutor().run(await specFor(directory), { signal: stop.signal, onEvent });
    expect(outcome.status).toBe('interrupted');
    const step = outcome.position!.step + 1;
    expect(step).toBeLessThan(120);
    expect(Object.keys(await checkpointDigests(directory))).toContain(
      `checkpoint-${String(step).padStart(8, '0')}.json`,
    );
  });

  it('trains what its spec says where the file says something else', async () => {
    const spec = { ...(await specFor(await newFolder(), SHORT)), overrides: ['--set train.epochs=1'] };
    const context = { signal: new AbortController().signal, onEvent: () => undefined };
    const outcome = await createLocalExecutor().run(spec, context);
    expect(outcome).toMatchObject({ status: 'completed', position: { epochs: 3 } });
  });

  it('of two runs in one folder lets one train, and the folder says how that one was started', async () => {
    const directory = await newFolder();
    const context = { signal: new AbortController().signal, onEvent: () => undefined };
    const specs = await Promise.all([1, 2].map((epochs) => specFor(directory, [`--set train.epochs=${epochs}`])));
    const outcomes = await Promise.all(specs.map((spec) => createLocalExecutor().run(spec, context)));
    const winner = outcomes.findIndex(({ status }) => status === 'completed');
    expect(outcomes.map(({ error }) => error?.code ?? null).sort()).toEqual(['DMX_RUN_LOCKED', null]);
    const kept = JSON.parse(await readFile(join(directory, 'spec.json'), 'utf8'));
    expect(kept).toMatchObject({ configHash: specs[winner]!.configHash, overrides: specs[winner]!.overrides });
    expect(kept.config.train.epochs).toBe(winner + 1);
  });

  it('refuses a config that is not the one that was meant', async () => {
    const spec = { ...(await specFor(await newFolder(), SHORT)), configHash: 'another' };
    const context = { signal: new AbortController().signal, onEvent: () => undefined };
    await expect(createLocalExecutor().run(spec, context)).rejects.toMatchObject({ code: 'DMX_SPEC_CONFIG' });
  });
});

/** Trains in a child process; `killAt` ends it without warning when that checkpoint is announced. */
function trainInProcess(spec: RunSpec, killAt: number | null): Promise<RunOutcome | 'killed'> {
  const entry = createRequire(import.meta.url).resolve('@dinomix/trainer/train-worker');
  const child = fork(entry, { execArgv: [], serialization: 'advanced' });
  child.send({ type: 'start', spec });
  return new Promise((resolve, reject) => {
    child.on('message', (message: WorkerMessage) => {
      if (message.type === 'outcome') resolve(message.outcome);
      if (message.type === 'failure') reject(new Error(JSON.stringify(message.error)));
      if (message.type !== 'event' || message.event.type !== 'checkpoint') return;
      if (message.event.position.step + 1 === killAt) child.kill('SIGKILL');
    });
    child.on('exit', (code, signal) => {
      if (signal === 'SIGKILL') resolve('killed');
      else if (code !== 0) reject(new Error(`exit code ${code}`));
    });
  });
}

describe('a child process', () => {
  it('that is killed leaves a run that resumes to the bytes of an uninterrupted one', async () => {
    const [whole, broken] = [await newFolder(), await newFolder()];
    expect(await trainInProcess(await specFor(whole, SHORT), null)).toMatchObject({ status: 'completed' });
    expect(await trainInProcess(await specFor(broken, SHORT), 8)).toBe('killed');
    expect(Object.keys(await checkpointDigests(broken))).toContain('checkpoint-00000008.json');
    const resumed = await trainInProcess(await specFor(broken, SHORT, true), null);
    expect(resumed).toMatchObject({ status: 'completed' });
    const digests = await checkpointDigests(broken);
    const files = ['checkpoint-00000012.json', 'checkpoint-00000012.safetensors'];
    const expected = await checkpointDigests(whole);
    // The id of a run is the name of its folder, the same for both.
    for (const file of files) expect(digests[file]).toBe(expected[file]);
  });
});
