import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type CommandContext, type CommonOptions, choice, createCommand, tell } from '../command.js';
import { usageError } from '../errors.js';
import type { TableFormat } from '../results/formats.js';

const FORMATS: readonly TableFormat[] = ['markdown', 'csv', 'latex'];

interface TableOptions extends CommonOptions {
  readonly beside?: string;
  readonly format: TableFormat;
  readonly split: 'validation' | 'test';
}

async function table(context: CommandContext, folders: readonly string[], options: TableOptions): Promise<void> {
  const [{ PUBLISHED }, { readRun }, { resultsTable }, { formatResults }] = await Promise.all([
    import('../results/published.js'),
    import('../results/read-run.js'),
    import('../results/results-table.js'),
    import('../results/formats.js'),
  ]);
  const beside = options.beside === undefined ? undefined : PUBLISHED[options.beside];
  const known = Object.keys(PUBLISHED).join(', ');
  if (options.beside !== undefined && beside === undefined)
    throw usageError('DMX_CLI_VALUE', { option: '--beside', found: options.beside, expected: `one of: ${known}` });
  if (beside === undefined && folders.length === 0)
    throw usageError('DMX_CLI_OPTIONS', {
      problem: 'There is nothing to show: neither a run nor --beside.',
      fix: `Name folders of runs, or a published table with --beside: ${known}.`,
    });
  const runs = await Promise.all(folders.map((folder) => readRun(resolve(context.folder, folder), options.split)));
  const result = resultsTable(runs, beside);
  tell(context, options, result, () => formatResults(result, options.format));
}

/** `dinomix table`. */
export function tableCommand(context: CommandContext): Command {
  return createCommand('table', 'put evaluated runs into one table, beside published rows')
    .argument('[runs...]', 'folders of runs; those with the same name in the config become one row')
    .option('--beside <table>', 'a published table, e.g. synapse-20')
    .addOption(choice('--format <format>', 'how to write it', FORMATS).default('markdown'))
    .addOption(choice('--split <name>', 'which evaluation', ['validation', 'test']).default('test'))
    .action((folders: string[], options: TableOptions) => table(context, folders, options));
}
