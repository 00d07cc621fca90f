import { dmxError } from '../errors/codes.js';
import type { DmxError } from '../errors/dmx-error.js';
import { nearest } from '../errors/suggest.js';
import { isPluginInstance, uncalledPluginName } from '../plugin/define-plugin.js';
import type { PluginInstance } from '../plugin/types.js';
import { type Preset, presetOf, type RawConfig } from './define-config.js';
import { isPlainObject, type PlainObject, show } from './merge.js';
import { SETTING_KEYS } from './schema.js';

/** One config, preset or built-in fragment. Layers are ordered from the lowest to the highest. */
export interface Layer {
  /** Who wrote it: `built in`, `preset dinomix`, `dinomix.config.ts`. */
  readonly origin: string;
  readonly builtIn: boolean;
  readonly plugins: readonly PluginInstance[];
  readonly settings: PlainObject;
  readonly use: PlainObject;
  readonly options: PlainObject;
}

const KEYS: readonly string[] = Object.freeze(['extends', 'plugins', 'use', 'options', ...SETTING_KEYS]);

function notAPlugin(value: unknown, path: string, origin: string): DmxError {
  const uncalled = uncalledPluginName(value);
  const called =
    uncalled === null
      ? 'Write a call of what the plugin package exports, for example: plugins: [pic({ probability: 1 })]'
      : `${uncalled} is a function: call it, with its options if it has some, for example: plugins: [plugin()]`;
  const asPreset = presetOf(value);
  const write = asPreset === null ? called : `"${asPreset.name}" is a preset: put it into "extends".`;
  return dmxError(
    'DMX_PLUGIN_NOT_DEFINED',
    { path: `${path} (${origin})`, found: show(value), write },
    { phase: 'shape', path },
  );
}

/** Collects layers and what is wrong with their shape. */
class LayerReader {
  readonly layers: Layer[] = [];
  readonly #report: (problem: DmxError) => void;

  constructor(report: (problem: DmxError) => void) {
    this.#report = report;
  }

  #wrongValue(path: string, origin: string, problem: string, found: unknown): void {
    this.#report(dmxError('DMX_CONFIG_VALUE', { path, origin, problem, found: show(found) }, { phase: 'shape', path }));
  }

  #list(raw: RawConfig, key: string, origin: string): readonly unknown[] {
    const value = raw[key];
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    this.#wrongValue(key, origin, 'Expected an array', value);
    return [];
  }

  #object(raw: RawConfig, key: string, origin: string): PlainObject {
    const value = raw[key];
    if (value === undefined) return {};
    if (isPlainObject(value)) return value;
    this.#wrongValue(key, origin, 'Expected an object', value);
    return {};
  }

  #plugins(raw: RawConfig, origin: string): readonly PluginInstance[] {
    return this.#list(raw, 'plugins', origin).filter((entry, index): entry is PluginInstance => {
      const good = isPluginInstance(entry);
      if (!good) this.#report(notAPlugin(entry, `plugins[${index}]`, origin));
      return good;
    });
  }

  read(raw: RawConfig, origin: string, builtIn: boolean): void {
    for (const key of Object.keys(raw)) {
      if (KEYS.includes(key)) continue;
      const details = { path: key, origin, nearest: nearest(key, KEYS), known: KEYS };
      this.#report(dmxError('DMX_CONFIG_KEY', details, { phase: 'shape', path: key }));
    }
    this.#list(raw, 'extends', origin).forEach((entry, index) => {
      const preset = presetOf(entry);
      if (preset === null) this.#wrongValue(`extends[${index}]`, origin, 'Expected a preset, such as dinomix()', entry);
      else this.read(preset.fragment, `preset ${preset.name}`, builtIn);
    });
    this.layers.push({
      origin,
      builtIn,
      plugins: this.#plugins(raw, origin),
      settings: Object.fromEntries(Object.entries(raw).filter(([key]) => SETTING_KEYS.includes(key))),
      use: this.#object(raw, 'use', origin),
      options: this.#object(raw, 'options', origin),
    });
  }
}

/** Lists the layers of a config from the lowest: built-in parts, presets depth first, the config itself. */
export function collectLayers(
  config: RawConfig,
  origin: string,
  base: Preset | null,
  report: (problem: DmxError) => void,
): readonly Layer[] {
  const reader = new LayerReader(report);
  if (base !== null) reader.read(presetOf(base)!.fragment, 'built in', true);
  reader.read(config, origin, false);
  return reader.layers;
}
