import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Reporter, RunEvent } from '@dinomix/core';
import type { JsonLinesOptions } from './options.js';

/** Appends every event of a run as one line of JSON; a resumed run continues the same file. */
export function createJsonLinesReporter({ file, slices }: JsonLinesOptions): Reporter {
  let handle: FileHandle | undefined;
  return {
    async open({ directory }) {
      handle = await open(join(directory, file), 'a+');
      await finishLastLine(handle);
    },
    async event(event: RunEvent) {
      if (!handle) throw new Error(`reporter jsonl: an event came before the run folder was opened: ${event.type}`);
      if (event.type === 'slice' && !slices) return;
      await handle.appendFile(`${JSON.stringify(event)}\n`);
      // What a killed run must not lose: where it stood, and how it ended.
      if (event.type === 'checkpoint' || event.type === 'run.end') await handle.sync();
    },
    async close() {
      await handle?.close();
      handle = undefined;
    },
  };
}

/** A run that was killed may have left half a line: the next event starts on a line of its own. */
async function finishLastLine(handle: FileHandle): Promise<void> {
  const { size } = await handle.stat();
  if (size === 0) return;
  const last = Buffer.alloc(1);
  await handle.read(last, 0, 1, size - 1);
  if (last.toString() !== '\n') await handle.appendFile('\n');
}
