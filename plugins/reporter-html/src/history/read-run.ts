import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type RunRecord, shellWord } from '@dinomix/core';
import { readRegularFile } from '@dinomix/volume';
import { noEvents } from './errors.js';
import { readEvents } from './event-lines.js';
import { recordSchema } from './event-schema.js';
import { RunHistory } from './history.js';

/** Names in a run folder. */
export const FILES = { events: 'events.jsonl', record: 'record.json', slices: 'slices.jsonl' } as const;

/** A run as its folder tells it. */
export interface ReadRun {
  readonly history: RunHistory;
  /** What a reader of the report should know about the files. */
  readonly notes: readonly string[];
}

/** The record of a run that has no `run.start` among its events. */
async function readRecord(directory: string): Promise<RunRecord | null> {
  try {
    const json: unknown = JSON.parse(await readRegularFile(join(directory, FILES.record), 'utf8'));
    return recordSchema.parse(json) as unknown as RunRecord;
  } catch {
    return null;
  }
}

/** The record of a run that was moved tells of its present folder. */
function inPlace(record: RunRecord | null, directory: string): RunRecord | null {
  if (record === null || record.run.directory === directory) return record;
  const predictCommand = `cd ${shellWord(directory)} && npx dinomix predict image.nii.gz --run .`;
  return { ...record, run: { ...record.run, directory }, predictCommand };
}

/**
 * Reads a run folder, one event in memory at a time.
 * @throws DMX_REPORT_RUN without events, DMX_REPORT_EVENTS where they are damaged.
 */
export async function readRun(directory: string, slices: number): Promise<ReadRun> {
  const file = join(directory, FILES.events);
  if (!existsSync(file)) throw noEvents(directory, file);
  const history = new RunHistory(slices);
  const notes = [...(await readEvents(file, (event) => history.add(event)))];
  history.record ??= await readRecord(directory);
  history.record = inPlace(history.record, directory);
  if (history.record === null) notes.push('The run has no record: it ended before it began.');
  await addSlices(directory, history);
  return { history, notes };
}

/** Pictures lie in a file of their own where `events.jsonl` was written without them. */
async function addSlices(directory: string, history: RunHistory): Promise<void> {
  const file = join(directory, FILES.slices);
  if (history.slices.slices.length > 0 || history.testCases.length === 0 || !existsSync(file)) return;
  await readEvents(file, (event) => {
    if (event.type === 'slice') history.addSlice(event.slice);
  });
}
