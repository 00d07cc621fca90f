import { resolve } from 'node:path';
import type { DataProblem } from '@dinomix/core';
import { Command } from 'commander';
import {
  addConfig,
  addWorkers,
  type CommandContext,
  type CommonOptions,
  type ConfigOptions,
  choice,
  createCommand,
  positiveInteger,
  tell,
  triple,
  wholeNumber,
} from '../command.js';
import type { CommandResult } from '../command-result.js';
import { type FingerprintOptions, fingerprintData } from '../data/fingerprint.js';
import { type PrepareOptions, prepareData } from '../data/prepare.js';
import { type DatasetOptions, withDataset } from '../data/with-dataset.js';
import { EXIT } from '../failure.js';
import { createStatusLine } from '../terminal.js';
import { counted } from '../text.js';

const PHANTOM = '@dinomix/dataset-phantom';

/** Of the commands that work with a data set alone. */
const FOLDER = 'folder of the data set, without a config (default: the data set of the config)';

interface PhantomOptions extends CommonOptions {
  readonly layout: 'synapse' | 'amos' | 'nnunet';
  readonly cases: number;
  readonly seed: number;
  readonly out: string;
  readonly size?: readonly [number, number, number];
  readonly classes?: 'synapse' | 'amos';
  readonly unlabelled?: number;
  readonly force?: boolean;
}

/** The function that `@dinomix/dataset-phantom` exports. */
type WritePhantoms = (request: {
  readonly layout: string;
  readonly cases: number;
  readonly seed: number;
  readonly out: string;
  readonly size?: readonly [number, number, number];
  readonly classes?: string;
  readonly unlabelled?: number;
  readonly overwrite: boolean;
  readonly signal: AbortSignal;
  readonly onCase: (written: { readonly id: string; readonly done: number; readonly total: number }) => void;
}) => Promise<{ readonly folder: string; readonly files: readonly string[] }>;

async function writePhantoms(context: CommandContext, options: PhantomOptions): Promise<void> {
  const module = await context.packages.load(PHANTOM, '"dinomix data phantom"');
  const write = module.writePhantomDataset as WritePhantoms;
  const { layout, cases, seed, size, classes, unlabelled } = options;
  const status = createStatusLine(context.terminal);
  const written = await write({
    layout,
    cases,
    seed,
    out: resolve(context.folder, options.out),
    ...(size === undefined ? {} : { size }),
    ...(classes === undefined ? {} : { classes }),
    ...(unlabelled === undefined ? {} : { unlabelled }),
    overwrite: options.force === true,
    signal: context.signal,
    onCase: ({ id, done, total }) => status.draw(`case ${done} of ${total}: ${id}`),
  }).finally(status.clear);
  const text = `${counted(written.files.length, 'file')} of ${counted(cases, 'case')} in ${written.folder}`;
  tell(context, options, { layout, cases, seed, ...written }, () => text);
}

function phantomCommand(context: CommandContext): Command {
  return createCommand('phantom', 'write synthetic abdominal CT with labels as .nii.gz files')
    .addOption(choice('--layout <layout>', 'folder layout', ['synapse', 'amos', 'nnunet']).default('nnunet'))
    .option('--cases <number>', 'number of cases', positiveInteger, 10)
    .option('--seed <number>', 'seed; the same seed gives the same bytes', wholeNumber, 0)
    .requiredOption('-o, --out <folder>', 'folder to write to')
    .option('--size <d,h,w>', 'voxels of a case', triple)
    .addOption(choice('--classes <set>', 'labels of the layout nnunet', ['synapse', 'amos']))
    .option('--unlabelled <number>', 'training cases without a label file, layout nnunet', wholeNumber)
    .option('--force', 'write over files of the same name')
    .action((options: PhantomOptions) => writePhantoms(context, options));
}

function renderProblem({ severity, file, caseId, message, fix }: DataProblem): string {
  const place = caseId === null ? file : `${file} (case ${caseId})`;
  return `${severity}  ${place}\n  why  ${message}\n  fix  ${fix}`;
}

async function checkData(context: CommandContext, options: DatasetOptions): Promise<number> {
  const problems: DataProblem[] = [];
  const { stalePrepared } = await import('@dinomix/data/prepare');
  const title = await withDataset(context, options, async (dataset) => {
    const tellOf = (problem: DataProblem): void => {
      context.signal.throwIfAborted();
      problems.push(problem);
      if (options.json !== true) context.terminal.out(`${renderProblem(problem)}\n\n`);
    };
    for await (const problem of dataset.check()) tellOf(problem);
    for await (const problem of stalePrepared(dataset)) tellOf(problem);
    return dataset.title;
  });
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const verdict = `${title}: ${counted(errors, 'error')}, ${counted(problems.length - errors, 'warning')}`;
  tell(context, options, { title, errors, warnings: problems.length - errors, problems }, () => verdict);
  return errors === 0 ? EXIT.done : EXIT.failed;
}

function checkCommand(context: CommandContext, finish: (result: CommandResult) => void): Command {
  const text = 'read every file of a data set and report all problems at once';
  const command = createCommand('check', text).argument('[folder]', FOLDER);
  return addConfig(command).action(async (folder: string | undefined, options: ConfigOptions) =>
    finish(await checkData(context, { ...options, folder })),
  );
}

function prepareCommand(context: CommandContext, finish: (result: CommandResult) => void): Command {
  const text = 'prepare every case of a config for training and keep it; goes on where it was interrupted';
  return addWorkers(addConfig(createCommand('prepare', text)))
    .option('--keep-going', 'leave out cases that lack a file or cannot be prepared, and record them')
    .action(async (options: PrepareOptions) => finish(await prepareData(context, options)));
}

function fingerprintCommand(context: CommandContext): Command {
  const text = 'describe a data set: shapes, spacings, intensities, voxels per class';
  return addWorkers(addConfig(createCommand('fingerprint', text).argument('[folder]', FOLDER)))
    .option('-o, --out <folder>', 'also write fingerprint.json and classes.svg there')
    .action((folder: string | undefined, options: FingerprintOptions) =>
      fingerprintData(context, { ...options, folder }),
    );
}

/** `dinomix data`. */
export function dataCommand(context: CommandContext, finish: (result: CommandResult) => void): Command {
  const command = new Command('data').description('make, check, describe and prepare data sets');
  command.addCommand(phantomCommand(context));
  command.addCommand(checkCommand(context, finish));
  command.addCommand(prepareCommand(context, finish));
  command.addCommand(fingerprintCommand(context));
  return command;
}
