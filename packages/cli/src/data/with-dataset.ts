import type { Dataset } from '@dinomix/core';
import type { CommandContext, ConfigOptions } from '../command.js';
import { openConfig } from '../config.js';

/** Opens the data set of a config, hands it to `work` and closes it again. */
export async function withDataset<R>(
  context: CommandContext,
  options: ConfigOptions,
  work: (dataset: Dataset) => Promise<R>,
): Promise<R> {
  const { host } = await openConfig(context, options);
  try {
    const run = host.createRun({ id: 'data', directory: context.folder });
    const [dataset] = await run.resolve('dataset');
    return await work(dataset!.value);
  } finally {
    await host.dispose();
  }
}
