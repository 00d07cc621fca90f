import type { ResolvedConfig } from '../config/types.js';
import { dmxError } from '../errors/codes.js';
import { type DmxError, isDmxError, reasonOf } from '../errors/dmx-error.js';
import type { HookCallers } from '../hooks/tap-target.js';
import { createDisposalStack, type DisposalStack, type Disposer } from '../lifecycle/disposal-stack.js';
import { createLifecycle, type LifecycleState } from '../lifecycle/state.js';
import type { Scope } from '../scope/scope.js';
import type { RunInfo, StepPosition } from '../slots/contracts/common.js';
import type { RunOutcome } from '../slots/contracts/reporter.js';
import { SLOT_NAMES, type SlotName } from '../slots/tokens.js';
import { createSlot } from './create-slot.js';
import type { BoundSlot, Providers } from './setup.js';
import { HOST_SLOTS, RUN_INFO, SIGNAL, SLOT_TOKENS } from './tokens.js';

/** One run: a child scope with its own slots, and its end. */
export interface Run<T> {
  readonly info: RunInfo;
  readonly config: ResolvedConfig;
  readonly hooks: HookCallers<T>;
  readonly scope: Scope;
  readonly state: LifecycleState;
  /** Aborted by {@link abort} and at the end. */
  readonly signal: AbortSignal;
  /** Fires `run.start`. @throws DMX_STATE unless the run is new. */
  start(): Promise<void>;
  /** What fills a slot, created at the first call. @throws DMX_SLOT_FACTORY, DMX_STATE. */
  resolve<S extends SlotName>(slot: S): Promise<BoundSlot<S, T>>;
  /** Asks everything in the run to stop. */
  abort(reason: string): void;
  /** Registers something to be disposed with the run; `owner` is named when that fails. */
  onDispose(owner: string, dispose: Disposer): void;
  /** Fires `run.error` for a failure; its own failures are collected and not thrown. */
  fail(failure: unknown, position: StepPosition | null): Promise<void>;
  /**
   * Ends the run: aborts the signal, fires `run.end` in reverse order, disposes last in, first out, closes the scope. A
   * second call does nothing.
   * @throws AggregateError of everything that failed on the way; all of it has been tried.
   */
  end(outcome: RunOutcome): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a host lends to its runs. */
export interface RunParts<T> {
  readonly info: RunInfo;
  readonly config: ResolvedConfig;
  readonly hooks: HookCallers<T>;
  readonly hostScope: Scope;
  readonly providers: Providers;
  readonly disposeMilliseconds: number;
  /** Where relative paths of options start. */
  readonly folder: string;
  readonly warn: (message: string, plugin: string) => void;
  readonly ended: () => void;
}

/** The outcome of a run that nobody ended. */
function abandoned(): RunOutcome {
  const nothing = { position: null, error: null, seconds: 0, peakMb: 0, fallbackKernels: {} };
  return { status: 'interrupted', reason: 'the host was disposed', ...nothing };
}

/** The scope of a run with its tokens; slots are created when they are first asked for. */
function createRunScope<T>(parts: RunParts<T>, signal: AbortSignal, disposal: DisposalStack): Scope {
  const { info, config, providers, folder, warn } = parts;
  const scope = parts.hostScope.child(`run ${info.id}`);
  scope.bindValue(RUN_INFO, info);
  scope.bindValue(SIGNAL, signal);
  const site = { config, providers, scope, disposal, run: info, folder, warn };
  for (const slot of SLOT_NAMES) {
    if (!HOST_SLOTS.includes(slot)) scope.bindFactory(SLOT_TOKENS[slot], () => createSlot(site, slot));
  }
  return scope;
}

/** An error with a code for anything that made a run fail. */
function toRunError(failure: unknown, runId: string): DmxError {
  if (isDmxError(failure)) return failure;
  const details = { run: runId, reason: reasonOf(failure) };
  return dmxError('DMX_RUN_FAILED', details, { runId, phase: 'run', cause: failure });
}

/** Makes a run in the state `started`. */
export function createRun<T>(parts: RunParts<T>): Run<T> {
  const { info, config, hooks } = parts;
  const lifecycle = createLifecycle('started');
  const disposal = createDisposalStack();
  const controller = new AbortController();
  const scope = createRunScope(parts, controller.signal, disposal);
  const failures: unknown[] = [];
  let ending: Promise<void> | undefined;

  const finish = async (outcome: RunOutcome): Promise<void> => {
    const started = lifecycle.state === 'running';
    lifecycle.moveTo('stopping');
    controller.abort(new Error(outcome.reason));
    const context = { run: info, position: outcome.position };
    if (started) await hooks.runEnd.call(outcome, context).catch((failure: unknown) => failures.push(failure));
    failures.push(...(await disposal.run(parts.disposeMilliseconds)));
    scope.close();
    lifecycle.moveTo('disposed');
    parts.ended();
    if (failures.length > 0) throw new AggregateError(failures, failures.map(reasonOf).join('\n'));
  };
  const run: Run<T> = {
    info,
    config,
    hooks,
    scope,
    signal: controller.signal,
    get state() {
      return lifecycle.state;
    },
    async start() {
      lifecycle.assert('run.start', 'started');
      lifecycle.moveTo('running');
      await hooks.runStart.call(info, { run: info, position: null });
    },
    async resolve<S extends SlotName>(slot: S) {
      lifecycle.assert('run.resolve', 'started', 'running');
      return (await scope.resolve(SLOT_TOKENS[slot])) as BoundSlot<S, T>;
    },
    abort: (reason) => controller.abort(new Error(reason)),
    onDispose: (owner, dispose) => {
      lifecycle.assert('run.onDispose', 'started', 'running');
      disposal.add(owner, dispose);
    },
    async fail(failure, position) {
      const call = hooks.runError.call(toRunError(failure, info.id), { run: info, position });
      await call.catch((thrown: unknown) => failures.push(thrown));
    },
    end: (outcome) => {
      ending ??= finish(outcome);
      return ending;
    },
    [Symbol.asyncDispose]: () => run.end(abandoned()),
  };
  return run;
}
