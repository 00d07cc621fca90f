import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { writeFileAtomic } from '@dinomix/volume';
import type { Command } from 'commander';
import { type CommandContext, type CommonOptions, choice, createCommand, tell } from '../command.js';
import { usageError } from '../errors.js';
import { configText, type FirstConfig, METHODS, packagesOf } from '../init/config-text.js';

interface InitOptions extends CommonOptions, FirstConfig {
  readonly force?: boolean;
}

/** Versions that go together with the packages of this project. */
const PINNED: Readonly<Record<string, string>> = { '@tensorflow/tfjs-core': '@tensorflow/tfjs-core@4.22' };

async function init(context: CommandContext, options: InitOptions): Promise<void> {
  const file = resolve(context.folder, 'dinomix.config.ts');
  if (existsSync(file) && options.force !== true) throw usageError('DMX_CLI_EXISTS', { file });
  await writeFileAtomic(file, configText(options));
  const missing = packagesOf(options).filter((name) => context.packages.find(name, context.folder) === null);
  const install = missing.length === 0 ? null : `npm install ${missing.map((name) => PINNED[name] ?? name).join(' ')}`;
  const train = 'npx dinomix train';
  tell(context, options, { file, install, train }, () => {
    const steps = install === null ? [] : ['install its packages with', `  ${install}`];
    return [file, ...steps, 'train with', `  ${train}`].join('\n');
  });
}

/** `dinomix init`. */
export function initCommand(context: CommandContext): Command {
  return createCommand('init', 'write a dinomix.config.ts to start from')
    .addOption(choice('--dataset <kind>', 'where cases come from', ['phantom', 'nnunet']).default('phantom'))
    .option('--data <folder>', 'folder in nnU-Net raw layout, for --dataset nnunet', 'data')
    .addOption(choice('--method <name>', 'what to train', METHODS).default('mean-teacher'))
    .option('--force', 'write over an existing file')
    .action((options: InitOptions) => init(context, options));
}
