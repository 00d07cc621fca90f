import { printable, printableLine } from '@dinomix/volume';
import type { JsonObject } from '../slots/contracts/common.js';

/** Where in the life of a host an error belongs; the first eight are the phases of validation in their order. */
export type ErrorPhase =
  | 'load'
  | 'shape'
  | 'identity'
  | 'compatibility'
  | 'options'
  | 'use'
  | 'requirements'
  | 'setup'
  | 'order'
  | 'freeze'
  | 'create'
  | 'run'
  | 'dispose';

/** Which plugin, hook, slot and step an error belongs to. */
export interface ErrorContext {
  /** `<package name> <version>`. */
  readonly plugin?: string;
  /** Dotted hook name. */
  readonly hook?: string;
  readonly slot?: string;
  readonly phase?: ErrorPhase;
  /** Path in the config. */
  readonly path?: string;
  readonly runId?: string;
  readonly epoch?: number;
  readonly step?: number;
  readonly cause?: unknown;
}

/** Everything a {@link DmxError} says. */
export interface ErrorContent extends ErrorContext {
  /** `DMX_` and upper case. */
  readonly code: string;
  /** What went wrong, in one line. */
  readonly summary: string;
  /** The reason, with the values involved. */
  readonly why: string;
  /** What the reader can do. */
  readonly fix: string;
  /** The single problems behind one error. */
  readonly problems?: readonly DmxError[];
}

function indent(text: string): string {
  return text.replaceAll('\n', '\n       ');
}

function compose(content: ErrorContent): string {
  const head = `${content.code}  ${printableLine(content.summary)}`;
  if (content.problems !== undefined) return [head, ...content.problems.map((p) => p.message)].join('\n\n');
  return `${head}\n  why  ${indent(printable(content.why))}\n  fix  ${indent(printable(content.fix))}`;
}

/**
 * The error of DinoMix: a code, what, why and how to put it right. Recognise it with {@link isDmxError}, since two copies
 * of core may be loaded; `instanceof` sees only one of them.
 */
export class DmxError extends Error {
  readonly code: string;
  readonly summary: string;
  readonly why: string;
  readonly fix: string;
  readonly problems: readonly DmxError[];
  readonly plugin: string | undefined;
  readonly hook: string | undefined;
  readonly slot: string | undefined;
  readonly phase: ErrorPhase | undefined;
  readonly path: string | undefined;
  readonly runId: string | undefined;
  readonly epoch: number | undefined;
  readonly step: number | undefined;

  constructor(content: ErrorContent) {
    super(compose(content), content.cause === undefined ? undefined : { cause: content.cause });
    this.name = 'DmxError';
    this.code = content.code;
    this.summary = content.summary;
    this.why = content.why;
    this.fix = content.fix;
    this.problems = content.problems ?? [];
    this.plugin = content.plugin;
    this.hook = content.hook;
    this.slot = content.slot;
    this.phase = content.phase;
    this.path = content.path;
    this.runId = content.runId;
    this.epoch = content.epoch;
    this.step = content.step;
  }

  /** The error as JSON, for `--json` output and events. The stack is left out. */
  toJSON(): JsonObject {
    const optional = {
      plugin: this.plugin,
      hook: this.hook,
      slot: this.slot,
      phase: this.phase,
      path: this.path,
      runId: this.runId,
      epoch: this.epoch,
      step: this.step,
    };
    const present = Object.entries(optional).filter(
      (entry): entry is [string, string | number] => entry[1] !== undefined,
    );
    return {
      code: this.code,
      summary: this.summary,
      why: this.why,
      fix: this.fix,
      ...Object.fromEntries(present),
      ...(this.problems.length > 0 ? { problems: this.problems.map((problem) => problem.toJSON()) } : {}),
      ...(this.cause === undefined ? {} : { cause: reasonOf(this.cause) }),
    };
  }
}

/** Whether a value is a {@link DmxError}, of this or another copy of core. */
export function isDmxError(value: unknown): value is DmxError {
  if (!(value instanceof Error) || !('code' in value)) return false;
  return value.name === 'DmxError' && typeof value.code === 'string';
}

/** The error that {@link DmxError.toJSON} wrote, in another thread or process; its context and cause stay behind. */
export function errorFromJson(json: JsonObject): DmxError {
  const text = (key: string): string => (typeof json[key] === 'string' ? json[key] : '');
  const { problems } = json;
  return new DmxError({
    code: text('code'),
    summary: text('summary'),
    why: text('why'),
    fix: text('fix'),
    ...(Array.isArray(problems) ? { problems: problems.map((problem) => errorFromJson(problem as JsonObject)) } : {}),
  });
}

/**
 * The error for what other packages throw with a code, a problem and a fix, such as the errors of files of
 * `@dinomix/volume`; null for anything else.
 */
export function codedError(thrown: unknown, context: ErrorContext = {}): DmxError | null {
  if (!(thrown instanceof Error && 'code' in thrown && 'problem' in thrown && 'fix' in thrown)) return null;
  const file = 'file' in thrown && typeof thrown.file === 'string' ? thrown.file : null;
  return new DmxError({
    code: String(thrown.code),
    summary: file === null ? 'The data cannot be used' : `${file} cannot be used`,
    why: String(thrown.problem),
    fix: String(thrown.fix),
    ...context,
  });
}

/** What a schema found, one after the other; its own message is a page of JSON. */
function issuesOf(thrown: Error): string | null {
  const { issues } = thrown as { readonly issues?: unknown };
  if (!Array.isArray(issues) || issues.length === 0) return null;
  const lines = issues.map(({ path, message }: { path?: readonly PropertyKey[]; message?: string }) => {
    const place = path === undefined || path.length === 0 ? 'it' : path.map(String).join('.');
    return `${place}: ${message}`;
  });
  return lines.length > 3 ? `${lines.slice(0, 3).join('; ')}; and ${lines.length - 3} more` : lines.join('; ');
}

/** The message of anything that was thrown. */
export function reasonOf(thrown: unknown): string {
  if (isDmxError(thrown)) return thrown.problems.length > 0 ? thrown.message : `${thrown.summary}: ${thrown.why}`;
  if (thrown instanceof Error) return issuesOf(thrown) ?? (thrown.message === '' ? thrown.name : thrown.message);
  return `a value that is not an Error was thrown: ${String(thrown)}`;
}
