import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { CheckpointChoice } from '@dinomix/trainer';
import type { Command } from 'commander';
import { type CommandContext, type CommonOptions, choice, createCommand, tell } from '../command.js';
import { usageError } from '../errors.js';
import { exportedText, exportRun } from '../export/export-run.js';
import { networkOf } from '../export/network-of.js';

interface ExportOptions extends CommonOptions {
  readonly out?: string;
  readonly checkpoint: CheckpointChoice;
  readonly force?: boolean;
}

async function exportNetwork(context: CommandContext, folder: string, options: ExportOptions): Promise<void> {
  const directory = resolve(context.folder, folder);
  const file = options.out === undefined ? networkOf(directory) : resolve(context.folder, options.out);
  if (existsSync(file) && options.force !== true) throw usageError('DMX_CLI_EXISTS', { file });
  const exported = await exportRun(context, { directory, file, checkpoint: options.checkpoint });
  tell(context, options, exported, () => exportedText(exported));
}

/** `dinomix export`. */
export function exportCommand(context: CommandContext): Command {
  return createCommand('export', 'write the network of a run as an ONNX file, checked against the network itself')
    .argument('<run>', 'folder of the run')
    .option('-o, --out <file>', 'file to write (default: network.onnx in the folder)')
    .addOption(choice('--checkpoint <which>', 'checkpoint to take', ['best', 'latest']).default('best'))
    .option('--force', 'write over an existing file')
    .action((folder: string, options: ExportOptions) => exportNetwork(context, folder, options));
}
