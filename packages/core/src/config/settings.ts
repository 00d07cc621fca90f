import { dmxError } from '../errors/codes.js';
import type { DmxError } from '../errors/dmx-error.js';
import { nearest } from '../errors/suggest.js';
import { normaliseIssues, schemaKeysAt } from './issues.js';
import type { Layer } from './layers.js';
import { isPlainObject, mergeLayer, nest, type Origins, type PlainObject, show, valueAt } from './merge.js';
import type { Override } from './override.js';
import { settingsSchema } from './schema.js';
import type { ConfigSettings } from './types.js';

/** The settings of all layers, one over the other, not yet checked. */
export function mergeSettings(layers: readonly Layer[], origins: Origins): PlainObject {
  return layers.reduce<PlainObject>((below, layer) => mergeLayer(below, layer.settings, '', layer.origin, origins), {});
}

/** Checks settings and fills in the defaults; null when something is wrong. */
export function parseSettings(
  raw: PlainObject,
  origins: Origins,
  report: (problem: DmxError) => void,
): ConfigSettings | null {
  const result = settingsSchema.safeParse(raw);
  if (result.success) return result.data;
  for (const finding of normaliseIssues(result.error.issues, raw)) {
    const path = finding.path.join('.');
    const origin = origins.get(path);
    const context = { phase: 'shape', path } as const;
    if (finding.unknownKey) {
      const known = schemaKeysAt(settingsSchema, finding.path.slice(0, -1));
      const details = { path, origin, nearest: nearest(finding.path.at(-1) ?? '', known), known };
      report(dmxError('DMX_CONFIG_KEY', details, context));
    } else {
      const details = { path, origin, problem: finding.message, found: show(valueAt(raw, finding.path)) };
      report(dmxError('DMX_CONFIG_VALUE', details, context));
    }
  }
  return null;
}

/** Lays the `--set` and `--seed` overrides over the settings. An override cannot add a key. */
export function applySettingOverrides(
  raw: PlainObject,
  overrides: readonly Override[],
  origins: Origins,
  report: (problem: DmxError) => void,
): PlainObject {
  let settings = raw;
  for (const override of overrides) {
    if (override.kind !== 'setting') continue;
    const bad = override.path.findIndex(
      (key, index) => !schemaKeysAt(settingsSchema, override.path.slice(0, index)).includes(key),
    );
    if (bad >= 0) {
      const known = schemaKeysAt(settingsSchema, override.path.slice(0, bad));
      const path = override.path.join('.');
      const details = { argument: override.text, path, nearest: nearest(override.path[bad]!, known), known };
      report(dmxError('DMX_OVERRIDE_PATH', details, { phase: 'shape', path }));
      continue;
    }
    const layer = nest(override.path, override.value);
    if (isPlainObject(layer)) settings = mergeLayer(settings, layer, '', override.text, origins);
  }
  return settings;
}
