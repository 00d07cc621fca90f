import { resolve } from 'node:path';
import type { Command } from 'commander';
import { addConfig, type CommandContext, type CommonOptions, type ConfigOptions, createCommand } from '../command.js';
import type { CommandResult } from '../command-result.js';
import { openConfig, openRun } from '../config.js';
import { execute } from '../train/execute.js';
import { newRunFolder } from '../train/run-folder.js';

/** Options of the commands that train. */
interface ForceOptions {
  readonly force?: boolean;
}

interface TrainOptions extends ConfigOptions, ForceOptions {
  readonly out?: string;
}

function addForce(command: Command): Command {
  return command.option('--force', 'train although the memory will not suffice by the estimate');
}

/** `dinomix train`. */
export function trainCommand(context: CommandContext, finish: (result: CommandResult) => void): Command {
  const command = createCommand('train', 'train the network of a config').option(
    '-o, --out <folder>',
    'folder of the run (default: <runs>/<name>-seed<seed>)',
  );
  return addForce(addConfig(command)).action(async (options: TrainOptions) => {
    const { loaded, host } = await openConfig(context, options);
    try {
      const { out, force = false } = options;
      const directory = out === undefined ? newRunFolder(host.config, loaded.file) : resolve(context.folder, out);
      finish(await execute(context, options, { loaded, host, directory, resume: false, force }));
    } finally {
      await host.dispose();
    }
  });
}

/** `dinomix resume`. */
export function resumeCommand(context: CommandContext, finish: (result: CommandResult) => void): Command {
  const command = createCommand('resume', 'go on with a run from its newest checkpoint');
  addForce(command.argument('<run>', 'folder of the run'));
  return command.action(async (run: string, options: CommonOptions & ForceOptions) => {
    const directory = resolve(context.folder, run);
    const { loaded, host } = await openRun(context, directory);
    try {
      finish(await execute(context, options, { loaded, host, directory, resume: true, force: options.force ?? false }));
    } finally {
      await host.dispose();
    }
  });
}
