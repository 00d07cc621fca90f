import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Reporter, type RunEvent, reasonOf } from '@dinomix/core';
import { writeFileAtomic } from '@dinomix/volume';
import { readEvents } from './history/event-lines.js';
import { RunHistory } from './history/history.js';
import { readPages } from './history/read-pages.js';
import { FILES } from './history/read-run.js';
import type { HtmlOptions } from './options.js';
import { runPage } from './page/run-page.js';

/**
 * Writes the page anew after every epoch and at the end. A resumed run starts from the events that the reporter `jsonl` left,
 * where it is in use.
 */
export function createHtmlReporter({ file, slices, refresh }: HtmlOptions): Reporter {
  let directory: string | undefined;
  let history = new RunHistory(slices);
  let notes: readonly string[] = [];

  const write = async (): Promise<void> => {
    if (directory === undefined) throw new Error('reporter html: an event came before the run folder was opened');
    const pages = await readPages(directory, directory);
    await writeFileAtomic(join(directory, file), runPage(history, { notes, live: true, refresh, pages }));
  };
  return {
    async open(run) {
      directory = run.directory;
      history = new RunHistory(slices);
      const before = join(directory, FILES.events);
      if (!existsSync(before)) return;
      try {
        notes = await readEvents(before, (event) => history.add(event));
      } catch (thrown) {
        history = new RunHistory(slices);
        notes = [`What came before the resume is missing: ${reasonOf(thrown)}`];
      }
    },
    async event(event: RunEvent) {
      history.add(event);
      // The page of a run that is over is written in `close`, when the slices have their scores.
      if (event.type === 'epoch' || event.type === 'run.start') await write();
    },
    async close() {
      await write();
      const chosen = history.slices.slices;
      if (directory === undefined || chosen.length === 0) return;
      const lines = chosen.map(({ slice }) => JSON.stringify({ time: history.newest, type: 'slice', slice }));
      await writeFileAtomic(join(directory, FILES.slices), `${lines.join('\n')}\n`);
    },
  };
}
