import { dirname, join, resolve } from 'node:path';
import { makeFolder, writeFileAtomic } from '@dinomix/volume';
import { nameOf, type RunState, stateOf } from './history/facts.js';
import { readPages } from './history/read-pages.js';
import { readRun } from './history/read-run.js';
import { comparePage } from './page/compare-page.js';
import { runPage } from './page/run-page.js';

/** What {@link writeReport} takes. */
export interface ReportRequest {
  /** Run folders; several are put side by side in one page. */
  readonly runs: readonly string[];
  /** File to write. @defaultValue `report.html` in the folder of the one run, `comparison.html` in the working directory of several. */
  readonly out?: string;
  /** Test cases of which a slice is shown. @defaultValue 8 */
  readonly slices?: number;
}

/** A report that was written. */
export interface WrittenReport {
  /** Absolute path. */
  readonly file: string;
  readonly runs: readonly {
    readonly directory: string;
    readonly name: string;
    readonly status: RunState;
    readonly events: number;
    readonly notes: readonly string[];
  }[];
}

/**
 * Makes the page of one run, or of several side by side, from `events.jsonl` and `record.json`.
 * @throws DMX_REPORT_RUN, DMX_REPORT_EVENTS.
 */
export async function writeReport({ runs, out, slices = 8 }: ReportRequest): Promise<WrittenReport> {
  const directories = runs.map((run) => resolve(run));
  const single = directories.length === 1;
  const read = [];
  for (const directory of directories) read.push({ directory, ...(await readRun(directory, single ? slices : 0)) });
  const [first] = read;
  if (first === undefined) throw new RangeError('writeReport needs the folder of at least one run');
  const file = resolve(out ?? (single ? join(first.directory, 'report.html') : 'comparison.html'));
  const page = single
    ? runPage(first.history, {
        notes: first.notes,
        live: false,
        refresh: 0,
        pages: await readPages(first.directory, dirname(file)),
      })
    : comparePage(read);
  await makeFolder(dirname(file));
  await writeFileAtomic(file, page);
  return {
    file,
    runs: read.map(({ directory, history, notes }) => ({
      directory,
      name: nameOf(history),
      status: stateOf(history),
      events: history.events,
      notes,
    })),
  };
}
