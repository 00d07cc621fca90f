import {
  byteSize,
  errorFromJson,
  type Host,
  type LoadedConfig,
  type RunEvent,
  type RunOutcome,
  type RunSpec,
  shellWord,
} from '@dinomix/core';
import type { CommandContext, CommonOptions } from '../command.js';
import type { Tensors } from '../config.js';
import { cliError } from '../errors.js';
import { EXIT } from '../failure.js';
import { createStatusLine } from '../terminal.js';
import { duration } from '../text.js';
import { createProgress } from './progress.js';

/** A run about to be executed. */
export interface Execution {
  readonly loaded: LoadedConfig;
  readonly host: Host<Tensors>;
  /** Absolute path of the run folder. */
  readonly directory: string;
  readonly resume: boolean;
  /** Go on where the memory will not suffice. */
  readonly force: boolean;
}

function specOf({ loaded, host, directory, resume, force }: Execution): RunSpec {
  const { config, configHash } = host;
  const plain = JSON.parse(JSON.stringify(config)) as RunSpec['config'];
  return { configFile: loaded.file, overrides: loaded.overrides, configHash, config: plain, directory, resume, force };
}

/** What a person reads at the end. */
function closing(outcome: RunOutcome, directory: string): string {
  const { status, position, seconds, peakMb, reason } = outcome;
  const where = position === null ? '' : ` at epoch ${position.epoch + 1}, step ${position.step + 1}`;
  const cost = `${duration(seconds)}, at most ${byteSize(peakMb * 1e6)}`;
  if (status === 'interrupted') {
    return `Interrupted${where}; ${cost}.\nTo go on: npx dinomix resume ${shellWord(directory)}`;
  }
  return `${status === 'completed' ? 'Completed' : `Stopped${where}: ${reason}`}; ${cost}.\n${directory}`;
}

/** Shows events as they come: as lines of JSON, or as a status line and one line for each epoch. */
function createObserver(context: CommandContext, options: CommonOptions) {
  const status = createStatusLine(context.terminal);
  const progress = createProgress();
  const observe = (event: RunEvent): void => {
    if (options.json === true) {
      // Pictures are for reports; they would drown the numbers.
      if (event.type !== 'slice') context.terminal.out(`${JSON.stringify(event)}\n`);
      return;
    }
    const line = progress.line(event);
    if (line !== null) status.print(line);
    const drawn = progress.status(event);
    if (drawn !== null) status.draw(drawn);
  };
  return { observe, status };
}

function codeOf({ status }: RunOutcome): number {
  if (status === 'failed') return EXIT.failed;
  return status === 'interrupted' ? EXIT.interrupted : EXIT.done;
}

/**
 * Hands a run to the executor of its config and shows it.
 * @returns the exit code
 */
export async function execute(context: CommandContext, options: CommonOptions, run: Execution): Promise<number> {
  context.signal.throwIfAborted();
  const spec = specOf(run);
  const { directory } = spec;
  const [executor] = await run.host.resolve('executor');
  if (executor === undefined) throw cliError('DMX_CLI_EXECUTOR', {}, { phase: 'use' });
  const { assertRunFolder } = await import('@dinomix/trainer');
  await assertRunFolder(directory, run.resume);
  const { observe, status } = createObserver(context, options);
  const onInterrupt = (): void => {
    if (options.json !== true) status.print('finishing the step and writing a checkpoint; Ctrl-C again leaves at once');
  };
  context.signal.addEventListener('abort', onInterrupt, { once: true });
  try {
    const outcome = await executor.value.run(spec, { signal: context.signal, onEvent: observe });
    status.clear();
    if (options.json === true) context.terminal.out(`${JSON.stringify({ directory, outcome })}\n`);
    else if (outcome.status === 'failed') context.terminal.err(`${failedText(outcome, directory)}\n`);
    else context.terminal.out(`${closing(outcome, directory)}\n`);
    return codeOf(outcome);
  } finally {
    status.clear();
    context.signal.removeEventListener('abort', onInterrupt);
  }
}

/** The error of a run, which came as JSON from the thread that it ran in. */
function failedText({ error, reason }: RunOutcome, directory: string): string {
  const given = { code: 'DMX_RUN_FAILED', summary: reason, why: reason, fix: 'See the events of the run.', ...error };
  return `${errorFromJson(given).message}\n  run  ${directory}`;
}
