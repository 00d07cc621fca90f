import { dirname } from 'node:path';
import type { Preset } from '../config/define-config.js';
import { hashJson } from '../config/fingerprint.js';
import { leavesOf, valueAt } from '../config/merge.js';
import { parseSettings } from '../config/settings.js';
import type { ConfigEnvironment, ConfigSettings, ResolvedConfig } from '../config/types.js';
import { reasonOf } from '../errors/dmx-error.js';
import { deepFreeze } from '../hooks/freeze.js';
import { createHookSet, type HookSet } from '../hooks/hook-set.js';
import type { HookCallers } from '../hooks/tap-target.js';
import { createDisposalStack, type DisposalStack, type Disposer } from '../lifecycle/disposal-stack.js';
import { createLifecycle, type LifecycleState } from '../lifecycle/state.js';
import type { LoadedPlugin } from '../plugin/loaded.js';
import { PLUGIN } from '../plugin/types.js';
import { CORE_VERSION } from '../plugin/version.js';
import { createScope, type Scope } from '../scope/scope.js';
import type { SlotName } from '../slots/tokens.js';
import { createSlot } from './create-slot.js';
import { type Explanation, explainHost } from './explain.js';
import { type Prepared, prepareConfig, runPhase } from './prepare.js';
import { createRun, type Run } from './run.js';
import { type BoundSlot, type Providers, setUpPlugins } from './setup.js';
import { CONFIG_TOKEN, HOST_SLOTS, SLOT_TOKENS } from './tokens.js';

/** What {@link createHost} takes. The result of `loadConfigFile` fits. */
export interface HostOptions {
  /** Result of `defineConfig`. */
  readonly config: unknown;
  /** Absolute path of the config file; null or absent when made in code. */
  readonly file?: string | null;
  /** Overrides such as `--set train.epochs=3`, in order. */
  readonly overrides?: readonly string[];
  /** What the caller brings along: plugins and choices below every preset. */
  readonly base?: Preset;
  /** Package by key of plugins that are installed, to name them when they are missing in the config. */
  readonly installed?: Readonly<Record<string, string>>;
  /** Package by key of plugins that could be installed, to name them when nothing provides the key. */
  readonly published?: Readonly<Record<string, string>>;
  /** Receives warnings of plugins. Default: none are kept. */
  readonly onWarning?: (message: string, plugin: string) => void;
  /** Milliseconds for one plugin. Default: setup 10 000, disposal of one thing 10 000. */
  readonly deadlines?: { readonly setup?: number; readonly dispose?: number };
}

/** A checked config with its plugins set up. */
export interface Host<T = unknown> {
  readonly config: ResolvedConfig;
  /** sha256 of {@link config}. */
  readonly configHash: string;
  readonly environment: ConfigEnvironment;
  readonly hooks: HookCallers<T>;
  readonly scope: Scope;
  readonly state: LifecycleState;
  /** What fills a slot that outlives runs, created at the first call. */
  resolve<S extends 'backend' | 'executor'>(slot: S): Promise<BoundSlot<S, T>>;
  /** Makes a run with its own scope. `directory` is absolute. */
  createRun(options: { readonly id: string; readonly directory: string }): Run<T>;
  /** Registers something to be disposed with the host. */
  onDispose(owner: string, dispose: Disposer): void;
  explain(): Explanation;
  /**
   * Ends what is left of the runs, then disposes last in, first out. A second call does nothing.
   * @throws AggregateError of everything that failed; all of it has been tried.
   */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const DEADLINE_MS = 10_000;

/** Phase `freeze`: lets `config.modify` adjust the settings, checks them again, freezes the config. */
async function finishConfig<T>(
  prepared: Prepared,
  hooks: HookSet<T>,
  environment: ConfigEnvironment,
): Promise<ResolvedConfig> {
  const { origins, use, plugins, active, options } = prepared;
  const modified: ConfigSettings = await hooks.callers.configModify.call(prepared.settings, environment);
  for (const [path, value] of leavesOf(modified)) {
    const before = valueAt(prepared.settings, path.split('.'));
    if (JSON.stringify(before) !== JSON.stringify(value)) origins.set(path, 'hook config.modify');
  }
  const settings = await runPhase('freeze', (report) => parseSettings({ ...modified }, origins, report));
  const config: ResolvedConfig = deepFreeze({
    ...settings!,
    use,
    plugins: plugins.map((plugin) => ({
      id: plugin.id,
      name: plugin.definition.name,
      version: plugin.definition.version,
      provides: plugin.keys,
      active: active.includes(plugin),
      options: options.get(plugin.id)!,
    })),
  });
  await hooks.callers.configResolved.call(config, environment);
  return config;
}

/** Disposes after a failed start; what fails on the way must not hide why the start failed. */
async function abandon(disposal: DisposalStack, milliseconds: number): Promise<void> {
  await disposal.run(milliseconds);
}

/**
 * Checks a config and sets up its plugins, in the order: shape, identity, compatibility, options, use, requirements,
 * setup, order of taps, freeze.
 * @throws one DmxError: the problem, or DMX_SEVERAL with all problems of the first phase that has any.
 */
export async function createHost<T = unknown>(options: HostOptions): Promise<Host<T>> {
  const { file = null, overrides = [], base = null, installed = {}, published = {}, deadlines = {} } = options;
  const { setup = DEADLINE_MS, dispose = DEADLINE_MS } = deadlines;
  const environment: ConfigEnvironment = Object.freeze({ file, overrides: Object.freeze([...overrides]) });
  const prepared = await prepareConfig({ config: options.config, file, overrides, base, installed, published });
  const hooks = createHookSet<T>();
  const disposal = createDisposalStack();
  try {
    const providers = await setUpPlugins(prepared.active, prepared.options, hooks, disposal, setup);
    const config = await finishConfig(prepared, hooks, environment);
    const warn = options.onWarning ?? (() => undefined);
    warnOfCopies(prepared.plugins, warn);
    return assembleHost({ prepared, hooks, disposal, providers, config, environment, dispose, warn });
  } catch (failure) {
    await abandon(disposal, dispose);
    throw failure;
  }
}

/** A plugin made by another version of core means that two copies are loaded. They work together; it is rarely meant. */
function warnOfCopies(plugins: readonly LoadedPlugin[], warn: (message: string, plugin: string) => void): void {
  for (const { instance, label } of plugins) {
    const { core } = instance[PLUGIN];
    if (core !== CORE_VERSION) warn(`made with @dinomix/core ${core}, loaded by ${CORE_VERSION}: two copies`, label);
  }
}

interface HostParts<T> {
  readonly prepared: Prepared;
  readonly hooks: HookSet<T>;
  readonly disposal: DisposalStack;
  readonly providers: Providers;
  readonly config: ResolvedConfig;
  readonly environment: ConfigEnvironment;
  readonly dispose: number;
  readonly warn: (message: string, plugin: string) => void;
}

/** Where relative paths of options start. */
function folderOf({ file }: ConfigEnvironment): string {
  return file === null ? process.cwd() : dirname(file);
}

/** The scope of a host with its tokens. */
function createHostScope<T>(parts: HostParts<T>): Scope {
  const { config, providers, disposal, warn } = parts;
  const folder = folderOf(parts.environment);
  const scope = createScope('host');
  scope.bindValue(CONFIG_TOKEN, config);
  const site = { config, providers, scope, disposal, run: null, folder, warn };
  for (const slot of HOST_SLOTS) scope.bindFactory(SLOT_TOKENS[slot], () => createSlot(site, slot));
  return scope;
}

/** Ends the runs that are left, the last first, and disposes what the host owns. */
async function endHost<T>(parts: HostParts<T>, runs: readonly Run<T>[], scope: Scope): Promise<void> {
  const failures: unknown[] = [];
  for (const run of [...runs].reverse()) {
    await run[Symbol.asyncDispose]().catch((failure: AggregateError) => failures.push(...failure.errors));
  }
  failures.push(...(await parts.disposal.run(parts.dispose)));
  scope.close();
  if (failures.length > 0) throw new AggregateError(failures, failures.map(reasonOf).join('\n'));
}

function assembleHost<T>(parts: HostParts<T>): Host<T> {
  const { prepared, disposal, providers, config, environment, warn } = parts;
  const lifecycle = createLifecycle('started');
  const configHash = hashJson(config);
  const hooks = parts.hooks.callers;
  const runs = new Set<Run<T>>();
  const scope = createHostScope(parts);
  let ending: Promise<void> | undefined;
  const host: Host<T> = {
    config,
    configHash,
    environment,
    hooks,
    scope,
    get state() {
      return lifecycle.state;
    },
    async resolve<S extends SlotName>(slot: S) {
      lifecycle.assert('host.resolve', 'started');
      return (await scope.resolve(SLOT_TOKENS[slot])) as BoundSlot<S, T>;
    },
    createRun({ id, directory }) {
      lifecycle.assert('host.createRun', 'started');
      const info = Object.freeze({ id, seed: config.seed, directory, configHash });
      const ended = () => runs.delete(run);
      const disposeMilliseconds = parts.dispose;
      const folder = folderOf(environment);
      const parted = { info, config, hooks, hostScope: scope, providers, disposeMilliseconds, folder, warn, ended };
      const run = createRun<T>(parted);
      runs.add(run);
      return run;
    },
    onDispose: (owner, dispose) => {
      lifecycle.assert('host.onDispose', 'started');
      disposal.add(owner, dispose);
    },
    explain: () => {
      const { plugins, origins } = prepared;
      return explainHost({ file: environment.file, configHash, config, plugins, origins, hooks: parts.hooks.list() });
    },
    dispose: () => {
      if (ending !== undefined) return ending;
      lifecycle.moveTo('stopping');
      ending = endHost(parts, [...runs], scope).finally(() => lifecycle.moveTo('disposed'));
      return ending;
    },
    [Symbol.asyncDispose]: () => host.dispose(),
  };
  return host;
}
