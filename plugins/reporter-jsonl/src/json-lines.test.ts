import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunEvent, RunInfo } from '@dinomix/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { jsonl } from './index.js';
import { createJsonLinesReporter } from './json-lines.js';
import { optionsSchema } from './options.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dinomix-jsonl-'));
});
afterEach(() => rm(directory, { recursive: true }));

const warning = (message: string): RunEvent => ({
  time: '2026-01-01T00:00:00Z',
  type: 'warning',
  message,
  plugin: null,
});

async function report(events: readonly RunEvent[], options = {}): Promise<void> {
  const reporter = createJsonLinesReporter(optionsSchema.parse(options));
  await reporter.open?.({ directory } as RunInfo);
  for (const event of events) await reporter.event(event);
  await reporter.close?.();
}

it('writes one line per event and continues the file of an earlier run', async () => {
  await report([warning('first'), warning('two\nlines')]);
  await report([warning('resumed')]);
  const lines = (await readFile(join(directory, 'events.jsonl'), 'utf8')).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).message)).toEqual(['first', 'two\nlines', 'resumed']);
});

it('starts a new line after half a line that a killed run left', async () => {
  await writeFile(join(directory, 'events.jsonl'), '{"type":"warn');
  await report([warning('after')]);
  const lines = (await readFile(join(directory, 'events.jsonl'), 'utf8')).split('\n');
  expect(lines[0]).toBe('{"type":"warn');
  expect(JSON.parse(lines[1]!).message).toBe('after');
});

it('leaves pictures out unless they are asked for', async () => {
  const slice = { time: '', type: 'slice', slice: { caseId: 'a' } } as unknown as RunEvent;
  await report([slice]);
  expect(await readFile(join(directory, 'events.jsonl'), 'utf8')).toBe('');
  await report([slice], { slices: true });
  expect(await readFile(join(directory, 'events.jsonl'), 'utf8')).toContain('"caseId":"a"');
});

it('refuses a file name that leaves the run folder', () => {
  expect(() => optionsSchema.parse({ file: '../events.jsonl' })).toThrow(/plain file name/);
  expect(jsonl().provides).toEqual(['reporter:jsonl']);
});
