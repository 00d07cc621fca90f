import type { RunEvent } from '@dinomix/core';
import { openRegularFile } from '@dinomix/volume';
import { damagedEvents } from './errors.js';
import { parseEvent } from './event-schema.js';

/** Bytes that one event may take: a slice of 4096² in three layers, and nothing that would fill the memory. */
const LONGEST_LINE = 96 * 1024 * 1024;

interface NumberedLine {
  readonly number: number;
  readonly text: string;
  /** False for a last line without its end. */
  readonly whole: boolean;
}

/** Lines of a file, one in memory at a time. */
async function* linesOf(file: string): AsyncGenerator<NumberedLine> {
  let number = 1;
  let parts: Buffer[] = [];
  let length = 0;
  const take = (whole: boolean): NumberedLine => {
    const text = Buffer.concat(parts).toString('utf8');
    parts = [];
    length = 0;
    return { number: number++, text, whole };
  };
  const { file: handle } = await openRegularFile(file).catch((error: Error) => {
    throw damagedEvents(file, 1, `The file cannot be opened: ${error.message}.`);
  });
  for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      start = end + 1;
      yield take(true);
    }
    const rest = chunk.subarray(start);
    length += rest.length;
    if (length > LONGEST_LINE) throw damagedEvents(file, number, `The line is longer than ${LONGEST_LINE} bytes.`);
    if (rest.length > 0) parts.push(Buffer.from(rest));
  }
  if (parts.length > 0) yield take(false);
}

/** The event, null for one of an unknown kind, or why the line is no event. */
function readLine(text: string): RunEvent | null | string {
  try {
    return parseEvent(JSON.parse(text));
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return `It is not JSON: ${thrown.message}.`;
    throw thrown;
  }
}

/**
 * Reads `events.jsonl` line by line. Half a line is left out, with a note, where a kill explains it: at the end of the file,
 * or before a resume.
 * @returns notes for the reader of the report.
 * @throws DMX_REPORT_EVENTS naming file and line for any other damage.
 */
export async function readEvents(file: string, onEvent: (event: RunEvent) => void): Promise<readonly string[]> {
  const notes: string[] = [];
  let broken: { readonly number: number; readonly why: string } | null = null;
  for await (const { number, text, whole } of linesOf(file)) {
    if (text.trim() === '') continue;
    const event = readLine(text);
    if (typeof event === 'string') {
      if (broken !== null) throw damagedEvents(file, broken.number, broken.why);
      broken = { number, why: event };
      if (!whole) break;
      continue;
    }
    if (event === null) continue;
    if (broken !== null && event.type !== 'warning') {
      if (event.type !== 'run.start' && event.type !== 'run.end') throw damagedEvents(file, broken.number, broken.why);
      notes.push(`Line ${broken.number} of the events was cut off when the run was killed, and is left out.`);
      broken = null;
    }
    onEvent(event);
  }
  if (broken !== null) notes.push(`The last line of the events (${broken.number}) is cut off, and is left out.`);
  return notes;
}
