import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunEvent } from '@dinomix/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { at, record, step, wholeRun } from '../../test/events.js';
import { readEvents } from './event-lines.js';

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dinomix-html-'));
  file = join(directory, 'events.jsonl');
});
afterEach(() => rm(directory, { recursive: true }));

const line = (event: unknown): string => `${JSON.stringify(event)}\n`;
const start = at({ type: 'run.start', record: record() });
const half = line(step(1)).slice(0, 60);

async function read(
  text: string,
): Promise<{ readonly events: readonly RunEvent[]; readonly notes: readonly string[] }> {
  await writeFile(file, text);
  const events: RunEvent[] = [];
  const notes = await readEvents(file, (event) => events.push(event));
  return { events, notes };
}

it('reads back what was written', async () => {
  const run = wholeRun();
  expect(await read(run.map(line).join(''))).toEqual({ events: run, notes: [] });
});

it('leaves out half a line at the end, with a note', async () => {
  const { events, notes } = await read(line(start) + half);
  expect(events).toEqual([start]);
  expect(notes).toEqual(['The last line of the events (2) is cut off, and is left out.']);
});

it('leaves out half a line before a resume, with a note', async () => {
  const warning = at({ type: 'warning', message: 'checkpoint damaged', plugin: null });
  const { events, notes } = await read([line(start), `${half}\n`, line(warning), line(start)].join(''));
  expect(events.map(({ type }) => type)).toEqual(['run.start', 'warning', 'run.start']);
  expect(notes).toEqual(['Line 2 of the events was cut off when the run was killed, and is left out.']);
});

it('names file and line of any other damage', async () => {
  await expect(read(`${line(start)}${half}\n${line(step(2))}`)).rejects.toMatchObject({
    code: 'DMX_REPORT_EVENTS',
    summary: `${file} is damaged in line 2`,
    why: expect.stringContaining('It is not JSON'),
  });
  const wrong = { ...step(1), report: { position: { epoch: -1 } } };
  await expect(read(line(start) + line(wrong) + line(step(2)))).rejects.toMatchObject({
    why: expect.stringContaining('report.position.epoch'),
  });
});

it('passes over kinds of events that it does not know', async () => {
  const { events, notes } = await read(line(start) + line({ time: '', type: 'gpu', load: 1 }) + line(step(0)));
  expect(events.map(({ type }) => type)).toEqual(['run.start', 'step']);
  expect(notes).toEqual([]);
});
