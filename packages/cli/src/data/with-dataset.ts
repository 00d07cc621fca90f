import { resolve } from 'node:path';
import type { Dataset } from '@dinomix/core';
import type { CommandContext, ConfigOptions } from '../command.js';
import { openDataConfig } from '../config.js';
import { usageError } from '../errors.js';
import { openDataFolder } from './open-data-folder.js';

/** Options of the commands that work with a data set alone. */
export interface DatasetOptions extends ConfigOptions {
  /** Folder of a data set, looked at without a config. */
  readonly folder?: string | undefined;
}

async function openHost(context: CommandContext, options: DatasetOptions) {
  const { folder, config, overrides } = options;
  if (folder === undefined) return (await openDataConfig(context, options)).host;
  if (config !== undefined || overrides.length > 0) {
    const problem = 'A folder was named and a config, or values for one.';
    throw usageError('DMX_CLI_OPTIONS', { problem, fix: 'Give the folder alone, or the config alone.' });
  }
  return openDataFolder(context, resolve(context.folder, folder));
}

/** Opens the data set of a config, or that of a folder, hands it to `work` and closes it again. */
export async function withDataset<R>(
  context: CommandContext,
  options: DatasetOptions,
  work: (dataset: Dataset) => Promise<R>,
): Promise<R> {
  const host = await openHost(context, options);
  try {
    const run = host.createRun({ id: 'data', directory: context.folder });
    const [dataset] = await run.resolve('dataset');
    return await work(dataset!.value);
  } finally {
    await host.dispose();
  }
}
