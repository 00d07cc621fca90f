import '../../test/backend.js';
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunEvent, RunOutcome } from '@dinomix/core';
import { memory } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { type TinyHostOptions, tinyHost } from '../../test/tiny-host.js';
import { runTraining, type TrainingOptions } from './run-training.js';

async function folder(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'dinomix-trainer-')), 'run');
}

interface Ran {
  readonly outcome: RunOutcome;
  readonly events: readonly RunEvent[];
  readonly directory: string;
}

async function train(options: TinyHostOptions = {}, given: Partial<TrainingOptions> = {}): Promise<Ran> {
  const directory = given.directory ?? (await folder());
  const events: RunEvent[] = [];
  await using host = await tinyHost(options);
  const onEvent = (event: RunEvent): void => {
    events.push(event);
    given.onEvent?.(event);
  };
  const outcome = await runTraining({ host, id: 'run', directory, ...given, onEvent });
  return { outcome, events, directory };
}

describe('a run', () => {
  it('trains, evaluates, saves, tests', async () => {
    const { outcome, events, directory } = await train();
    expect(outcome.error).toBeNull();
    expect(outcome.status).toBe('completed');
    expect(await readdir(directory)).toEqual(['checkpoints', 'predictions', 'record.json']);
    console.log(events.map((e) => e.type).join(' '));
  });
});
