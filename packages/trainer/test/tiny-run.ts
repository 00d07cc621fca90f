import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunEvent, RunOutcome } from '@dinomix/core';
import { memory } from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { runTraining, type TrainingOptions } from '../src/run/run-training.js';
import { type TinyHostOptions, tinyHost } from './tiny-host.js';

/** A new folder for a run. */
export async function newFolder(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'dinomix-trainer-')), 'run');
}

/** What a run left. */
export interface TinyRun {
  readonly outcome: RunOutcome;
  readonly events: readonly RunEvent[];
  readonly directory: string;
}

/** Trains the tiny method. */
export async function tinyRun(options: TinyHostOptions = {}, given: Partial<TrainingOptions> = {}): Promise<TinyRun> {
  const directory = given.directory ?? (await newFolder());
  const events: RunEvent[] = [];
  await using host = await tinyHost(options);
  const onEvent = (event: RunEvent): void => {
    events.push(event);
    given.onEvent?.(event);
  };
  const outcome = await runTraining({ host, id: 'run', ...given, directory, onEvent });
  return { outcome, events, directory };
}

/** Events of one type. */
export function eventsOf<T extends RunEvent['type']>(events: readonly RunEvent[], type: T) {
  return events.filter((event): event is Extract<RunEvent, { readonly type: T }> => event.type === type);
}

/** Digest of each file of the checkpoints, by name. */
export async function checkpointDigests(directory: string): Promise<Record<string, string>> {
  const folder = join(directory, 'checkpoints');
  const entries = await Promise.all(
    (await readdir(folder)).sort().map(async (name) => {
      return [
        name,
        createHash('sha256')
          .update(await readFile(join(folder, name)))
          .digest('hex'),
      ] as const;
    }),
  );
  return Object.fromEntries(entries);
}

/** One epoch without validation. */
export function oneEpoch(given: TinyHostOptions): TinyHostOptions {
  return { ...given, train: { epochs: 1, validateEvery: 0, ...given.train } };
}

/** Digest of the weights after one epoch; every tensor of the run must be gone. */
export async function weightsAfter(given: TinyHostOptions): Promise<string | undefined> {
  const before = memory().numTensors;
  const { outcome, directory } = await tinyRun(oneEpoch(given));
  expect(outcome.error).toBeNull();
  expect(memory().numTensors).toBe(before);
  return (await checkpointDigests(directory))['checkpoint-00000003.safetensors'];
}
