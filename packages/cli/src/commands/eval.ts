import { basename, resolve } from 'node:path';
import type { EvaluationReport } from '@dinomix/core';
import type { CheckpointChoice } from '@dinomix/trainer';
import type { Command } from 'commander';
import { type CommandContext, type CommonOptions, choice, createCommand, tell } from '../command.js';
import { openRun } from '../config.js';
import { createStatusLine } from '../terminal.js';
import { evaluationTable } from '../train/table.js';

interface EvalOptions extends CommonOptions {
  readonly split: 'validation' | 'test';
  readonly checkpoint: CheckpointChoice;
  readonly predictions?: boolean;
}

async function evaluate(context: CommandContext, folder: string, options: EvalOptions): Promise<void> {
  const directory = resolve(context.folder, folder);
  const { host } = await openRun(context, directory);
  const status = createStatusLine(context.terminal);
  let done = 0;
  let names: readonly string[] = [];
  let report: EvaluationReport;
  let file: string;
  try {
    const { evaluateRun, writeEvaluation } = await import('@dinomix/trainer');
    report = await evaluateRun({
      host,
      id: basename(directory),
      directory,
      role: options.split,
      checkpoint: options.checkpoint,
      writePredictions: options.predictions === true,
      signal: context.signal,
      onEvent: (event) => {
        if (event.type === 'case') status.draw(`${++done} cases, last ${event.result.caseId}`);
        if (event.type === 'warning') context.terminal.err(`warning: ${event.message}\n`);
      },
      onClasses: (classes) => {
        names = classes.map(({ name }) => name);
      },
    });
    file = await writeEvaluation(directory, report);
  } finally {
    status.clear();
    await host.dispose();
  }
  tell(context, options, { file, report }, () => `${evaluationTable(report, names)}\n\n${file}`);
}

/** `dinomix eval`. */
export function evalCommand(context: CommandContext): Command {
  return createCommand('eval', 'evaluate a checkpoint of a run on a split')
    .argument('<run>', 'folder of the run')
    .addOption(choice('--split <name>', 'which cases', ['validation', 'test']).default('test'))
    .addOption(choice('--checkpoint <which>', 'checkpoint to take', ['best', 'latest']).default('best'))
    .option('--predictions', 'write predicted NIfTI files to predictions/')
    .action((folder: string, options: EvalOptions) => evaluate(context, folder, options));
}
