import { createReadStream, existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { loadConfigFile, type Reporter, type RunEvent } from '@dinomix/core';
import type { Command } from 'commander';
import { type CommandContext, type CommonOptions, createCommand, tell } from '../command.js';
import { openLoaded } from '../config.js';
import { usageError } from '../errors.js';
import { readSpec } from '../train/spec-file.js';

interface ReportOptions extends CommonOptions {
  readonly reporter: string;
}

/** Hands every event of the file to a reporter. A last line that was cut off by a kill is left out. */
async function replay(file: string, reporter: Reporter): Promise<number> {
  let count = 0;
  for await (const line of createInterface({ input: createReadStream(file, 'utf8') })) {
    if (line.trim() === '') continue;
    let event: RunEvent;
    try {
      event = JSON.parse(line) as RunEvent;
    } catch {
      continue;
    }
    await reporter.event(event);
    count++;
  }
  return count;
}

async function report(context: CommandContext, folder: string, options: ReportOptions): Promise<void> {
  const directory = resolve(context.folder, folder);
  const events = join(directory, 'events.jsonl');
  const { configFile, overrides } = await readSpec(directory);
  if (!existsSync(events)) {
    const reason = 'it has no events.jsonl: the reporter jsonl was not in use';
    throw usageError('DMX_CLI_RUN_FOLDER', { directory, reason });
  }
  const host = await openLoaded(context, await loadConfigFile(configFile, overrides));
  try {
    const run = host.createRun({ id: basename(directory), directory });
    const reporters = await run.resolve('reporter');
    const chosen = reporters.find(({ id }) => id === options.reporter);
    if (chosen === undefined) {
      const found = options.reporter;
      const expected = `a reporter in use: ${reporters.map(({ id }) => id).join(', ') || 'none'}`;
      throw usageError('DMX_CLI_VALUE', { option: '--reporter', found, expected });
    }
    await chosen.value.open?.(run.info);
    const count = await replay(events, chosen.value);
    await chosen.value.close?.();
    tell(
      context,
      options,
      { directory, reporter: chosen.id, events: count },
      () => `${count} events to ${chosen.id}: ${directory}`,
    );
  } finally {
    await host.dispose();
  }
}

/** `dinomix report`. */
export function reportCommand(context: CommandContext): Command {
  return createCommand('report', 'make the report of a run again from its events')
    .argument('<run>', 'folder of the run')
    .option('--reporter <id>', 'which reporter makes it', 'html')
    .action((folder: string, options: ReportOptions) => report(context, folder, options));
}
