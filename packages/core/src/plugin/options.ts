import { normaliseIssues, schemaKeysAt } from '../config/issues.js';
import type { Layer } from '../config/layers.js';
import { isPlainObject, joinPath, mergeLayer, nest, type Origins, show } from '../config/merge.js';
import type { Override } from '../config/override.js';
import { dmxError } from '../errors/codes.js';
import type { DmxError } from '../errors/dmx-error.js';
import { nearest } from '../errors/suggest.js';
import type { JsonObject } from '../slots/contracts/common.js';
import { rawOptionsOf } from './load.js';
import { type LoadedPlugin, optionsPath } from './loaded.js';

type Report = (problem: DmxError) => void;

/** The first value in an object that is not JSON, with its path; null when all is. */
function notJson(value: unknown, path: string): { readonly path: string; readonly found: string } | null {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return null;
  if (typeof value === 'number') return Number.isFinite(value) ? null : { path, found: String(value) };
  const items = Array.isArray(value) ? value.map((item, index) => [String(index), item] as const) : null;
  const entries =
    items ?? (isPlainObject(value) ? Object.entries(value).filter(([, item]) => item !== undefined) : null);
  if (entries === null) return { path, found: show(value) };
  for (const [key, item] of entries) {
    const inner = notJson(item, joinPath(path, key));
    if (inner !== null) return inner;
  }
  return null;
}

function checkTargets(
  plugins: readonly LoadedPlugin[],
  layers: readonly Layer[],
  overrides: readonly Override[],
  report: Report,
): void {
  const known = plugins.flatMap((plugin) => plugin.names);
  const wrong = (key: string, origin: string): void => {
    if (known.includes(key)) return;
    const details = { key, origin, nearest: nearest(key, known), known };
    report(dmxError('DMX_OPTIONS_TARGET', details, { phase: 'options', path: `options.${key}` }));
  };
  for (const layer of layers) for (const key of Object.keys(layer.options)) wrong(key, layer.origin);
  for (const override of overrides) {
    if (override.kind === 'option') wrong(`${override.slot}:${override.id}`, override.text);
  }
}

function mergedOptions(
  plugin: LoadedPlugin,
  layers: readonly Layer[],
  overrides: readonly Override[],
  origins: Origins,
): unknown {
  const path = optionsPath(plugin);
  const given = rawOptionsOf(plugin);
  if (!isPlainObject(given)) return given;
  let options = mergeLayer({}, given, path, plugin.origin, origins);
  for (const layer of layers) {
    for (const name of plugin.names) {
      const above = layer.options[name];
      if (isPlainObject(above)) options = mergeLayer(options, above, path, layer.origin, origins);
    }
  }
  for (const override of overrides) {
    if (override.kind !== 'option' || !plugin.names.includes(`${override.slot}:${override.id}`)) continue;
    const layer = nest(override.path, override.value);
    if (isPlainObject(layer)) options = mergeLayer(options, layer, path, override.text, origins);
  }
  return options;
}

async function parseOptions(plugin: LoadedPlugin, raw: unknown, origins: Origins, report: Report): Promise<unknown> {
  const schema = plugin.definition.options;
  const result = await schema['~standard'].validate(raw);
  if (result.issues === undefined) return result.value;
  for (const finding of normaliseIssues(result.issues, raw)) {
    const path = finding.path.join('.');
    const origin = origins.get(joinPath(optionsPath(plugin), path));
    const context = { plugin: plugin.label, phase: 'options', path } as const;
    if (finding.unknownKey) {
      const known = schemaKeysAt(schema, finding.path.slice(0, -1));
      const close = nearest(finding.path.at(-1) ?? '', known);
      report(dmxError('DMX_OPTIONS_KEY', { plugin: plugin.label, path, origin, nearest: close, known }, context));
    } else {
      const details = { plugin: plugin.label, path, origin, problem: finding.message };
      report(dmxError('DMX_OPTIONS_VALUE', details, context));
    }
  }
  return undefined;
}

/**
 * Phase `options`: lays `options` and `--set` over what each plugin was given, and checks the result against its schema.
 * Returns the options by plugin id, complete with defaults.
 */
export async function resolveOptions(
  plugins: readonly LoadedPlugin[],
  layers: readonly Layer[],
  overrides: readonly Override[],
  origins: Origins,
  report: Report,
): Promise<ReadonlyMap<string, JsonObject>> {
  checkTargets(plugins, layers, overrides, report);
  const resolved = new Map<string, JsonObject>();
  for (const plugin of plugins) {
    const raw = mergedOptions(plugin, layers, overrides, origins);
    const options = await parseOptions(plugin, raw, origins, report);
    if (options === undefined) continue;
    const foreign = notJson(options, '');
    if (foreign !== null) {
      const context = { plugin: plugin.label, phase: 'options', path: foreign.path } as const;
      report(dmxError('DMX_OPTIONS_JSON', { plugin: plugin.label, ...foreign }, context));
    }
    resolved.set(plugin.id, options as JsonObject);
  }
  return resolved;
}
