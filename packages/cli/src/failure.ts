import { type ErrorPhase, isDmxError, reasonOf } from '@dinomix/core';
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

interface Described {
  readonly code: string;
  readonly summary: string;
  readonly why: string;
  readonly fix: string;
}

/** An error of the volume package: it has a code, a problem and a fix. */
function describeCoded(failure: Error): Described | null {
  if (!('code' in failure && 'problem' in failure && 'fix' in failure)) return null;
  const { code, problem, fix } = failure;
  const file = 'file' in failure && typeof failure.file === 'string' ? failure.file : null;
  return {
    code: String(code),
    summary: file === null ? 'The data cannot be used' : `${file} cannot be used`,
    why: String(problem),
    fix: String(fix),
  };
}

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
function describeSystem(failure: Error): Described | null {
  if (!('code' in failure && 'path' in failure)) return null;
  const known = SYSTEM[String(failure.code)];
  if (known === undefined) return null;
  const [code, summary, fix] = known;
  return { code, summary: `${failure.path} ${summary}`, why: failure.message, fix };
}

function describe(failure: unknown): Described {
  const coded = failure instanceof Error ? (describeCoded(failure) ?? describeSystem(failure)) : null;
  if (coded !== null) return coded;
  return {
    code: 'DMX_UNEXPECTED',
    summary: 'Something went wrong that has no error code',
    why: reasonOf(failure),
    fix: 'Run the command again with --verbose to see where.',
  };
}

/** The failure as JSON. */
export function failureToJson(failure: unknown): unknown {
  return isDmxError(failure) ? failure.toJSON() : describe(failure);
}

/** The failure in lines for a person: code, why, fix; the stacks only when asked for. */
export function failureToText(failure: unknown, verbose: boolean): string {
  const { code, summary, why, fix } = describe(failure);
  const text = isDmxError(failure) ? failure.message : `${code}  ${summary}\n  why  ${why}\n  fix  ${fix}`;
  return verbose ? `${text}\n\n${stacksOf(failure)}` : text;
}

function stacksOf(failure: unknown): string {
  if (!(failure instanceof Error)) return '';
  const inner = failure instanceof AggregateError ? failure.errors : [failure.cause];
  const own = failure.stack ?? failure.message;
  return [own, ...inner.filter((cause) => cause !== undefined).map((cause) => `caused by ${stacksOf(cause)}`)].join(
    '\n',
  );
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
