import { basename } from 'node:path';
import { configOf, type Preset, type RawConfig } from '../config/define-config.js';
import { collectLayers, type Layer } from '../config/layers.js';
import { createOrigins, type Origins, type PlainObject, show } from '../config/merge.js';
import { type Override, parseOverride } from '../config/override.js';
import { applySettingOverrides, mergeSettings, parseSettings } from '../config/settings.js';
import type { ConfigSettings, UseSettings } from '../config/types.js';
import { resolveUse } from '../config/use.js';
import { dmxError, throwProblems } from '../errors/codes.js';
import { type DmxError, type ErrorPhase, isDmxError } from '../errors/dmx-error.js';
import { checkCompatibility, loadPlugins } from '../plugin/load.js';
import type { LoadedPlugin } from '../plugin/loaded.js';
import { resolveOptions } from '../plugin/options.js';
import { checkRequirements } from '../plugin/requirements.js';
import type { JsonObject } from '../slots/contracts/common.js';

/** What a host is made from. */
export interface PrepareInputs {
  readonly config: unknown;
  readonly file: string | null;
  readonly overrides: readonly string[];
  readonly base: Preset | null;
  readonly installed: Readonly<Record<string, string>>;
  readonly published: Readonly<Record<string, string>>;
}

/** A config that passed every check that needs no plugin code. */
export interface Prepared {
  readonly settings: ConfigSettings;
  readonly use: UseSettings;
  readonly plugins: readonly LoadedPlugin[];
  readonly options: ReadonlyMap<string, JsonObject>;
  readonly activeKeys: ReadonlySet<string>;
  readonly active: readonly LoadedPlugin[];
  readonly origins: Origins;
}

/** Runs one phase: everything it reports is thrown at its end. */
export async function runPhase<V>(
  phase: ErrorPhase,
  body: (report: (problem: DmxError) => void) => V | Promise<V>,
): Promise<V> {
  const problems: DmxError[] = [];
  const value = await body((problem) => problems.push(problem));
  throwProblems(problems, phase);
  return value;
}

function readOverrides(texts: readonly string[], report: (problem: DmxError) => void): readonly Override[] {
  return texts.flatMap((text) => {
    try {
      return [parseOverride(text)];
    } catch (thrown) {
      if (!isDmxError(thrown)) throw thrown;
      report(thrown);
      return [];
    }
  });
}

function checkShape(
  config: RawConfig,
  inputs: PrepareInputs,
  origins: Origins,
  report: (problem: DmxError) => void,
): { layers: readonly Layer[]; overrides: readonly Override[]; settings: ConfigSettings | null } {
  const origin = inputs.file === null ? 'config' : basename(inputs.file);
  const layers = collectLayers(config, origin, inputs.base, report);
  const overrides = readOverrides(inputs.overrides, report);
  const merged: PlainObject = mergeSettings(layers, origins);
  const settings = parseSettings(applySettingOverrides(merged, overrides, origins, report), origins, report);
  return { layers, overrides, settings };
}

/** Keys in use. */
function keysInUse(use: UseSettings): ReadonlySet<string> {
  return new Set(
    Object.entries(use).flatMap(([slot, ids]: [string, readonly string[] | object]) =>
      (Array.isArray(ids) ? (ids as readonly string[]) : Object.keys(ids)).map((id) => `${slot}:${id}`),
    ),
  );
}

/**
 * Checks a config as far as that needs no plugin code: shape, identity, compatibility, options, use, requirements. Each
 * phase reports all of its problems before the next begins.
 */
export async function prepareConfig(inputs: PrepareInputs): Promise<Prepared> {
  const config = configOf(inputs.config);
  if (config === null) {
    const details = { file: inputs.file ?? 'The config', found: show(inputs.config) };
    throw dmxError('DMX_CONFIG_NOT_OBJECT', details, { phase: 'shape' });
  }
  const origins = createOrigins();
  const { layers, overrides, settings } = await runPhase('shape', (report) =>
    checkShape(config, inputs, origins, report),
  );
  const plugins = await runPhase('identity', (report) => loadPlugins(layers, report));
  await runPhase('compatibility', (report) => checkCompatibility(plugins, report));
  const options = await runPhase('options', (report) => resolveOptions(plugins, layers, overrides, origins, report));
  const use = await runPhase('use', (report) =>
    resolveUse(
      { layers, overrides, plugins, origins, installed: inputs.installed, published: inputs.published },
      report,
    ),
  );
  const activeKeys = keysInUse(use);
  const active = plugins.filter((plugin) => plugin.keys.length === 0 || plugin.keys.some((key) => activeKeys.has(key)));
  await runPhase('requirements', (report) => checkRequirements(active, activeKeys, use.backend[0], report));
  return { settings: settings!, use, plugins, options, activeKeys, active, origins };
}
