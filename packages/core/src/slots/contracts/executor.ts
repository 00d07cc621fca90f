import type { JsonObject } from './common.js';
import type { RunEvent, RunOutcome } from './reporter.js';

/**
 * A run as data. Plugins are code, so the config file is loaded again where the run executes; where it says something else by
 * then, {@link config} goes before it.
 */
export interface RunSpec {
  /** Absolute path of the config file. */
  readonly configFile: string;
  /** Overrides in the order of the command line. */
  readonly overrides: readonly string[];
  /** Hash of the resolved config; the executing side refuses another one. */
  readonly configHash: string;
  /** The resolved config as JSON. */
  readonly config: JsonObject;
  /** Absolute path of the run folder. */
  readonly directory: string;
  /** Continue from the newest checkpoint of the folder. */
  readonly resume: boolean;
  /** Go on where the memory will not suffice by the estimate; absent refuses. */
  readonly force?: boolean;
}

/** How the caller follows a run. */
export interface ExecutorContext {
  readonly signal: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
}

/** The slot `executor`: where runs execute. */
export interface Executor {
  run(spec: RunSpec, ctx: ExecutorContext): Promise<RunOutcome>;
  dispose?(): Promise<void>;
}
