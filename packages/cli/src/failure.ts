import { codedError, DmxError, type ErrorPhase, isDmxError, reasonOf } from '@dinomix/core';
import type { Terminal } from './terminal.js';

/** Exit codes of the command. */
export const EXIT = Object.freeze({ done: 0, failed: 1, usage: 2, interrupted: 130 });

/** Phases in which only the command line and the config have been looked at. */
const USAGE_PHASES: readonly ErrorPhase[] = [
  'load',
  'shape',
  'identity',
  'compatibility',
  'options',
  'use',
  'requirements',
  'setup',
  'order',
  'freeze',
];

/** Errors of plugins that mean wrong arguments of a command. */
const USAGE_CODES: readonly string[] = ['DMX_PHANTOM_REQUEST', 'DMX_PHANTOM_EXISTS'];

type SystemText = readonly [code: string, summary: string, fix: string];

const PERMISSION: SystemText = [
  'DMX_CLI_PERMISSION',
  'may not be used',
  'Choose another folder, or change its rights.',
];
const FULL: SystemText = ['DMX_CLI_DISK_FULL', 'has no room', 'Free disk space, or choose another folder.'];
const PATH: SystemText = ['DMX_CLI_PATH', 'cannot be the path that it is to be', 'Give another path.'];

/** What the system says of files and folders, by its codes. */
const SYSTEM: Readonly<Record<string, SystemText>> = {
  EACCES: PERMISSION,
  EPERM: PERMISSION,
  EROFS: PERMISSION,
  ENOSPC: FULL,
  EDQUOT: FULL,
  ENOTDIR: PATH,
  EISDIR: PATH,
  EEXIST: PATH,
  ENAMETOOLONG: PATH,
};

/** A failure of the file system that nothing on the way gave a code. */
function systemError(failure: unknown): DmxError | null {
  if (!(failure instanceof Error && 'code' in failure && 'path' in failure)) return null;
  const known = SYSTEM[String(failure.code)];
  if (known === undefined) return null;
  const [code, summary, fix] = known;
  return new DmxError({ code, summary: `${failure.path} ${summary}`, why: failure.message, fix });
}

/** The failure with a code, whatever was thrown. */
function coded(failure: unknown): DmxError {
  if (isDmxError(failure)) return failure;
  return (
    codedError(failure) ??
    systemError(failure) ??
    new DmxError({
      code: 'DMX_UNEXPECTED',
      summary: 'Something went wrong that has no error code',
      why: reasonOf(failure),
      fix: 'Run the command again with --verbose to see where.',
    })
  );
}

/** The failure as JSON. */
export function failureToJson(failure: unknown): unknown {
  return coded(failure).toJSON();
}

/** The failure in lines for a person: code, why, fix; the stacks only when asked for. */
export function failureToText(failure: unknown, verbose: boolean): string {
  const text = coded(failure).message;
  return verbose ? `${text}\n\n${stacksOf(failure, new Set())}` : text;
}

/** @param above - errors whose causes these are; one that is among its own causes is not told of again. */
function stacksOf(failure: unknown, above: ReadonlySet<unknown>): string {
  if (!(failure instanceof Error)) return '';
  if (above.has(failure)) return '(an error above)';
  const inner = failure instanceof AggregateError ? failure.errors : [failure.cause];
  const own = failure.stack ?? failure.message;
  const known = new Set([...above, failure]);
  const causes = inner.filter((cause) => cause !== undefined).map((cause) => `caused by ${stacksOf(cause, known)}`);
  return [own, ...causes].join('\n');
}

/** 2 where the command line or the config is at fault, else 1. */
export function exitCodeOf(failure: unknown): number {
  if (!isDmxError(failure)) return EXIT.failed;
  const { phase, code } = failure;
  const usage = (phase !== undefined && USAGE_PHASES.includes(phase)) || USAGE_CODES.includes(code);
  return usage ? EXIT.usage : EXIT.failed;
}

/** Tells a failure on the right stream in the right form. */
export function tellFailure(terminal: Terminal, failure: unknown, how: { json: boolean; verbose: boolean }): void {
  if (how.json) terminal.out(`${JSON.stringify({ error: failureToJson(failure) })}\n`);
  else terminal.err(`${failureToText(failure, how.verbose)}\n`);
}
