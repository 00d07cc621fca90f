import { readFileSync } from 'node:fs';
import { disableTelemetry } from '@dinomix/core/telemetry';
import { Command, CommanderError } from 'commander';
import type { CommandContext } from './command.js';
import type { CommandResult } from './command-result.js';
import { COMMANDS } from './commands/index.js';
import { EXIT, exitCodeOf, tellFailure } from './failure.js';
import { listenForInterrupt } from './interrupt.js';
import { createPackages, type Packages } from './packages.js';
import { escapingTerminal, processTerminal, type Terminal } from './terminal.js';

/** What surrounds the command; each part is taken from the process where it is left out. */
export interface Surroundings {
  readonly terminal?: Terminal;
  readonly folder?: string;
  readonly packages?: Packages;
  readonly signal?: AbortSignal;
}

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

/** Settings that commander copies to sub-commands only when they are made by it. */
function inherit(parent: Command, command: Command): void {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(command, child);
}

function createProgram(context: CommandContext, finish: (result: CommandResult) => void): Command {
  const { terminal } = context;
  const program = new Command('dinomix')
    .description('Semi-supervised segmentation of volumes with few labels and unequal classes.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(add --help for the options)')
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err });
  for (const create of COMMANDS) {
    const command = create(context, finish);
    inherit(program, command);
    program.addCommand(command);
  }
  return program;
}

/**
 * Runs the command.
 * @param argv - the arguments behind `dinomix`
 * @returns the exit code: 0 done, 1 failed, 2 wrong use or config, 130 interrupted. Nothing is thrown.
 */
export async function main(argv: readonly string[], surroundings: Surroundings = {}): Promise<number> {
  // Before any thread is made: a thread has a copy of the environment.
  disableTelemetry();
  const folder = surroundings.folder ?? process.cwd();
  const terminal = escapingTerminal(surroundings.terminal ?? processTerminal());
  const interrupt = surroundings.signal === undefined ? listenForInterrupt() : null;
  const signal = surroundings.signal ?? interrupt!.signal;
  const packages = surroundings.packages ?? createPackages(folder);
  const how = { json: argv.includes('--json'), verbose: argv.includes('--verbose') };
  let code: number = EXIT.done;
  try {
    const program = createProgram({ terminal, folder, packages, signal }, (result) => {
      code = result ?? EXIT.done;
    });
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (failure) {
    if (failure instanceof CommanderError) return failure.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (signal.aborted) {
      terminal.err('dinomix: interrupted\n');
      return EXIT.interrupted;
    }
    tellFailure(terminal, failure, how);
    return exitCodeOf(failure);
  } finally {
    interrupt?.release();
  }
}
