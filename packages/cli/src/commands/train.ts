import { resolve } from 'node:path';
import { loadConfigFile } from '@dinomix/core';
import type { Command } from 'commander';
import { addConfig, type CommandContext, type CommonOptions, type ConfigOptions, createCommand } from '../command.js';
import { openConfig, openLoaded } from '../config.js';
import type { CommandResult } from '../main.js';
import { execute } from '../train/execute.js';
import { newRunFolder } from '../train/run-folder.js';
import { readSpec } from '../train/spec-file.js';

interface TrainOptions extends ConfigOptions {
  readonly out?: string;
}

/** `dinomix train`. */
export function trainCommand(context: CommandContext, finish: (result: CommandResult) => void): Command {
  const command = createCommand('train', 'train the network of a config').option(
    '-o, --out <folder>',
    'folder of the run (default: <runs>/<name>-seed<seed>)',
  );
  return addConfig(command).action(async (options: TrainOptions) => {
    const { loaded, host } = await openConfig(context, options);
    try {
      const { out } = options;
      const directory = out === undefined ? newRunFolder(host.config, loaded.file) : resolve(context.folder, out);
      finish(await execute(context, options, { loaded, host, directory, resume: false }));
    } finally {
      await host.dispose();
    }
  });
}

/** `dinomix resume`. */
export function resumeCommand(context: CommandContext, finish: (result: CommandResult) => void): Command {
  const command = createCommand('resume', 'go on with a run from its newest checkpoint');
  return command.argument('<run>', 'folder of the run').action(async (run: string, options: CommonOptions) => {
    const directory = resolve(context.folder, run);
    const { configFile, overrides } = await readSpec(directory);
    const loaded = await loadConfigFile(configFile, overrides);
    const host = await openLoaded(context, loaded);
    try {
      finish(await execute(context, options, { loaded, host, directory, resume: true }));
    } finally {
      await host.dispose();
    }
  });
}
