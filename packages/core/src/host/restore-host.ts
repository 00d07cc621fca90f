import { configOf, type RawConfig } from '../config/define-config.js';
import { jsonDifferences } from '../config/differences.js';
import { collectLayers } from '../config/layers.js';
import { type LoadedConfig, loadConfigFile } from '../config/load.js';
import type { ResolvedConfig, ResolvedPlugin } from '../config/types.js';
import { dmxError } from '../errors/codes.js';
import { isDmxError } from '../errors/dmx-error.js';
import { type FindPlugin, packagePlugins, pluginsOf, withOptions } from '../plugin/find-plugin.js';
import type { PluginInstance } from '../plugin/types.js';
import { SLOT_NAMES, SLOTS } from '../slots/tokens.js';
import { createHost, type Host, type HostOptions } from './host.js';

/** The file in a run folder that says how the run was started. */
export const SPEC_FILE = 'spec.json';

/** The config of a run as its folder keeps it. */
export interface StoredConfig {
  /** Absolute paths at which the config file may be, the likeliest first; relative paths of options start from its folder. */
  readonly configFiles: readonly string[];
  readonly overrides: readonly string[];
  readonly configHash: string;
  /** The resolved config. */
  readonly config: ResolvedConfig;
}

/** A host of a run's own config. */
export interface RestoredHost<T> {
  readonly host: Host<T>;
  /** What the host was made from; with more overrides it makes a variant. */
  readonly loaded: LoadedConfig;
  /** What a person should know: that the config file has changed since, that plugins have. */
  readonly notes: readonly string[];
}

type RestoreOptions = Omit<HostOptions, 'config' | 'file' | 'overrides'>;

/** The host of a config; null where the file says something else than the run. Its warnings are told only when it is taken. */
async function sameHost<T>(
  loaded: LoadedConfig,
  { configHash }: StoredConfig,
  options: RestoreOptions,
): Promise<Host<T> | null> {
  const { onWarning = () => undefined } = options;
  const early: Parameters<typeof onWarning>[] = [];
  let isTaken = false;
  const hear: typeof onWarning = (...warning) => (isTaken ? onWarning(...warning) : void early.push(warning));
  let host: Host<T>;
  try {
    host = await createHost<T>({ ...options, ...loaded, onWarning: hear });
  } catch (thrown) {
    if (isDmxError(thrown)) return null;
    throw thrown;
  }
  if (host.configHash !== configHash) {
    await host.dispose();
    return null;
  }
  isTaken = true;
  for (const warning of early) onWarning(...warning);
  return host;
}

/** Files that load. One that does not says nothing about a run that was made with it. */
async function loadAll({ configFiles, overrides }: StoredConfig): Promise<readonly LoadedConfig[]> {
  const loaded: LoadedConfig[] = [];
  for (const file of configFiles) {
    const found = await loadConfigFile(file, overrides).catch(() => null);
    if (found !== null) loaded.push(found);
  }
  return loaded;
}

/** The plugins that a config names, whatever is wrong with the rest of it. */
function pluginsOfConfig(config: unknown): readonly PluginInstance[] {
  const raw = configOf(config);
  return raw === null ? [] : collectLayers(raw, 'config', null, () => undefined).flatMap(({ plugins }) => plugins);
}

async function restorePlugin(stored: ResolvedPlugin, sources: readonly FindPlugin[], directory: string) {
  for (const find of sources) {
    const found = await find(stored);
    if (found !== null) return withOptions(found, stored.options, stored.provides);
  }
  throw dmxError('DMX_RUN_PLUGIN', { directory, plugin: stored.id, name: stored.name }, { phase: 'load' });
}

/** The resolved config as one that could be written: every choice is spoken. */
function writtenOut({ use, plugins: _, ...settings }: ResolvedConfig, plugins: readonly PluginInstance[]): RawConfig {
  const chosen = SLOT_NAMES.map((slot) => {
    if (slot === 'loss') return [slot, use.loss];
    const ids = use[slot];
    if (ids.length === 0) return [slot, false];
    return [slot, SLOTS[slot].most === 1 ? ids[0] : ids];
  });
  return { ...settings, plugins, use: Object.fromEntries(chosen) };
}

/** Checks that a restored host has the config of the run. @returns notes on plugins that have another version now */
function compare(host: Host<never>, stored: StoredConfig, directory: string): readonly string[] {
  if (host.configHash === stored.configHash) return [];
  const different = jsonDifferences(host.config, stored.config);
  const versions = different.filter((path) => /^plugins\.\d+\.version$/.test(path));
  if (versions.length < different.length) {
    const paths = different.filter((path) => !versions.includes(path));
    throw dmxError('DMX_RUN_CONFIG', { directory, paths }, { phase: 'load' });
  }
  return stored.config.plugins.flatMap(({ name, version }, index) => {
    const now = host.config.plugins[index]!.version;
    return now === version ? [] : [`${name} is ${now} now; the run was made with ${version}`];
  });
}

/**
 * Makes a host of the config of a run, not of what its config file says today: where the two differ, the stored values go
 * into the plugins that the file names, or that are installed beside it.
 * @param directory - folder of the run, for messages.
 * @throws DMX_RUN_PLUGIN where a plugin is not there any more, DMX_RUN_CONFIG where the values cannot be had again.
 */
export async function restoreHost<T = unknown>(
  stored: StoredConfig,
  directory: string,
  options: RestoreOptions,
): Promise<RestoredHost<T>> {
  const files = await loadAll(stored);
  for (const loaded of files) {
    const host = await sameHost<T>(loaded, stored, options);
    if (host !== null) return { host, loaded, notes: [] };
  }
  // The place of the run's own project: where it was made, or where it was moved to.
  const file = files.at(-1)?.file ?? stored.configFiles.at(-1)!;
  const base = pluginsOfConfig({ extends: options.base === undefined ? [] : [options.base] });
  const sources: readonly FindPlugin[] = [
    ...[...files].reverse().map(({ config }) => pluginsOf(pluginsOfConfig(config))),
    packagePlugins(file),
  ];
  const builtIn = pluginsOf(base);
  const plugins: PluginInstance[] = [];
  for (const plugin of stored.config.plugins)
    plugins.push(await restorePlugin(plugin, [builtIn, ...sources], directory));
  const loaded: LoadedConfig = { file, config: writtenOut(stored.config, plugins), overrides: [] };
  const host = await createHost<T>({ ...options, ...loaded });
  try {
    const versions = compare(host as Host<never>, stored, directory);
    const why = files.length === 0 ? 'is not there or cannot be loaded' : 'has changed since';
    return { host, loaded, notes: [`${file} ${why}; the config is that of the run`, ...versions] };
  } catch (thrown) {
    await host.dispose();
    throw thrown;
  }
}
