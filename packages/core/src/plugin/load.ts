import type { Layer } from '../config/layers.js';
import { isPlainObject } from '../config/merge.js';
import { dmxError } from '../errors/codes.js';
import type { DmxError } from '../errors/dmx-error.js';
import { parseSlotKey } from './define-plugin.js';
import type { LoadedPlugin } from './loaded.js';
import { satisfies } from './semver.js';
import { PLUGIN, type PluginInstance } from './types.js';
import { CORE_VERSION, PLUGIN_API_LEVEL } from './version.js';

type Report = (problem: DmxError) => void;

/** What is wrong with a definition, by rule. */
function definitionProblems(instance: PluginInstance): readonly string[] {
  const definition: Partial<Record<string, unknown>> = { ...instance[PLUGIN].definition };
  const problems: string[] = [];
  const expect = (good: boolean, problem: string): void => {
    if (!good) problems.push(problem);
  };
  const { name, version, core, api, provides, requires = [], conflicts = [], options, setup } = definition;
  const strings = (value: unknown): boolean => Array.isArray(value) && value.every((item) => typeof item === 'string');
  expect(typeof name === 'string' && name !== '', '"name" must be the package name');
  expect(typeof version === 'string' && satisfies(version, '*') === true, '"version" must be a version such as 1.0.0');
  expect(typeof core === 'string', '"core" must be a range such as ^1.0.0');
  expect(Number.isInteger(api), '"api" must be an integer');
  expect(strings(provides), '"provides" must be an array of keys');
  expect(strings(requires), '"requires" must be an array of keys or package names');
  expect(strings(conflicts), '"conflicts" must be an array of keys or package names');
  expect(typeof setup === 'function', '"setup" must be a function');
  const standard =
    (typeof options === 'object' || typeof options === 'function') && options !== null && '~standard' in options;
  expect(standard, '"options" must be a Standard Schema, such as z.strictObject({})');
  if (strings(provides)) {
    for (const key of provides as readonly string[]) {
      expect(parseSlotKey(key) !== null, `"${key}" in "provides" is not <slot>:<id> with a known slot`);
    }
  }
  return problems;
}

function toLoaded(instance: PluginInstance, layer: Layer): LoadedPlugin {
  const { definition } = instance[PLUGIN];
  const keys = instance.provides;
  const id = keys[0] ?? definition.name;
  const label = `${definition.name} ${definition.version}`;
  const { origin, builtIn } = layer;
  return { instance, definition, id, label, keys, names: [...new Set([...keys, definition.name])], origin, builtIn };
}

/**
 * Phase `identity`: lists the plugins of all layers. A plugin of a higher layer replaces one of a lower layer that has
 * the same package name and keys; any other sharing of a key is an error.
 */
export function loadPlugins(layers: readonly Layer[], report: Report): readonly LoadedPlugin[] {
  const loaded: LoadedPlugin[] = [];
  for (const layer of layers) {
    for (const instance of layer.plugins) {
      const problems = definitionProblems(instance);
      const name: unknown = instance[PLUGIN].definition.name;
      const plugin = typeof name === 'string' && name !== '' ? name : 'a plugin without a name';
      for (const problem of problems) {
        report(dmxError('DMX_PLUGIN_DEFINITION', { plugin, problem }, { plugin, phase: 'identity' }));
      }
      if (problems.length === 0) addPlugin(loaded, toLoaded(instance, layer), report);
    }
  }
  return loaded;
}

function addPlugin(loaded: LoadedPlugin[], plugin: LoadedPlugin, report: Report): void {
  const replaced = loaded.findIndex(
    (other) =>
      other.origin !== plugin.origin && other.definition.name === plugin.definition.name && other.id === plugin.id,
  );
  if (replaced >= 0) {
    loaded[replaced] = plugin;
    return;
  }
  const key = plugin.keys.find((one) => loaded.some((other) => other.keys.includes(one)));
  const sameHooks = plugin.keys.length === 0 ? loaded.find((other) => other.id === plugin.id) : undefined;
  const other = sameHooks ?? loaded.find((one) => key !== undefined && one.keys.includes(key));
  if (other !== undefined) {
    const first = `${other.label} (${other.origin})`;
    const details = { key: key ?? plugin.id, first, second: `${plugin.label} (${plugin.origin})` };
    report(dmxError('DMX_PLUGIN_DUPLICATE_ID', details, { plugin: plugin.label, phase: 'identity' }));
    return;
  }
  loaded.push(plugin);
}

/** Phase `compatibility`: plugin-API level, then the range of core. */
export function checkCompatibility(plugins: readonly LoadedPlugin[], report: Report): void {
  for (const plugin of plugins) {
    const { api, core: range } = plugin.definition;
    const context = { plugin: plugin.label, phase: 'compatibility' } as const;
    if (api !== PLUGIN_API_LEVEL) {
      report(dmxError('DMX_PLUGIN_API', { plugin: plugin.label, wanted: api, has: PLUGIN_API_LEVEL }, context));
    } else if (satisfies(CORE_VERSION, range) !== true) {
      report(dmxError('DMX_PLUGIN_CORE', { plugin: plugin.label, range, version: CORE_VERSION }, context));
    }
  }
}

/** Raw options of an instance, for merging; anything that is no object goes to the schema as it is. */
export function rawOptionsOf(plugin: LoadedPlugin): unknown {
  const { options } = plugin.instance[PLUGIN];
  return isPlainObject(options) ? { ...options } : options;
}
