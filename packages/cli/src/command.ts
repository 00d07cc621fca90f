import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Packages } from './packages.js';
import type { Terminal } from './terminal.js';

/** What every command works with. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Folder in which the command was given. */
  readonly folder: string;
  readonly packages: Packages;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
}

/** Options of every command. */
export interface CommonOptions {
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** Options of the commands that read a config. */
export interface ConfigOptions extends CommonOptions {
  readonly config?: string;
  /** `--set`, `--use`, `--off` and `--seed` in the order of the command line. */
  readonly overrides: readonly string[];
}

/** Makes a sub-command with the options that all have. */
export function createCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option('--json', 'write the result as JSON')
    .option('--verbose', 'show where an error comes from')
    .allowExcessArguments(false);
}

/** Adds `--set`, `--use`, `--off` and `--seed`; they end in `overrides`, in their order. */
export function addOverrides(command: Command): Command {
  const overrides: string[] = [];
  const collect = (flag: string) => (value: string) => {
    overrides.push(`--${flag} ${value}`);
    return value;
  };
  return command
    .setOptionValue('overrides', overrides)
    .option('--set <path=value>', 'set one value of the config; may be given often', collect('set'))
    .option('--use <slot=ids>', 'choose what fills a slot; may be given often', collect('use'))
    .option('--off <slot[.id]>', 'switch a slot or one of its ids off; may be given often', collect('off'))
    .option('--seed <number>', 'seed of the run', collect('seed'));
}

/** Adds `--config` and the overrides. */
export function addConfig(command: Command): Command {
  return addOverrides(command.option('-c, --config <file>', 'config file or its folder (default: this folder)'));
}

/** Options of the commands that work in threads. */
export interface WorkerOptions {
  readonly workers: number;
}

/** As the config has it; thousands of threads would end the process. */
const MOST_WORKERS = 64;

function workerCount(value: string): number {
  const number = wholeNumber(value);
  if (number <= MOST_WORKERS) return number;
  throw new InvalidArgumentError(`Expected at most ${MOST_WORKERS}.`);
}

/** Adds `--workers`. */
export function addWorkers(command: Command): Command {
  return command.option(
    '--workers <number>',
    'worker threads; 0 works in the main thread',
    workerCount,
    Math.min(4, availableParallelism()),
  );
}

/** Reads a positive whole number. */
export function positiveInteger(value: string): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && Number.isSafeInteger(number) && number > 0) return number;
  throw new InvalidArgumentError('Expected a positive whole number.');
}

/** Reads a whole number from 0. */
export function wholeNumber(value: string): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && Number.isSafeInteger(number)) return number;
  throw new InvalidArgumentError('Expected a whole number from 0.');
}

/** Reads three positive whole numbers `d,h,w`. */
export function triple(value: string): readonly [number, number, number] {
  const parts = value.split(/[,x]/).map((part) => positiveInteger(part.trim()));
  if (parts.length === 3) return parts as [number, number, number];
  throw new InvalidArgumentError('Expected three positive whole numbers d,h,w.');
}

/** Makes an option that takes one of some words. */
export function choice(flags: string, description: string, words: readonly string[]): Option {
  return new Option(flags, description).choices(words);
}

/** Writes a result: as one line of JSON, or as text. */
export function tell(context: CommandContext, options: CommonOptions, result: unknown, text: () => string): void {
  context.terminal.out(options.json === true ? `${JSON.stringify(result)}\n` : `${text()}\n`);
}
