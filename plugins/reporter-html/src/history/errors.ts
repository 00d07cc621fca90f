import { DmxError } from '@dinomix/core';

/** @param line - counted from 1. */
export function damagedEvents(file: string, line: number, why: string): DmxError {
  return new DmxError({
    code: 'DMX_REPORT_EVENTS',
    summary: `${file} is damaged in line ${line}`,
    why,
    fix: 'Restore the file from a copy, or remove the line if its numbers may be missing.',
  });
}

/** A run folder that holds nothing to report. */
export function noEvents(directory: string, file: string): DmxError {
  return new DmxError({
    code: 'DMX_REPORT_RUN',
    summary: `${directory} holds nothing to report`,
    why: `${file} cannot be read: the reporter jsonl was not in use, or this is not the folder of a run.`,
    fix: 'Name the folder of a run, and have "jsonl" among its reporters.',
    phase: 'load',
  });
}
