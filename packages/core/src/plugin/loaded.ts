import type { SlotKey } from './slot-key.js';
import type { AnyPluginDefinition, PluginInstance } from './types.js';

/** A plugin instance on its way through validation. */
export interface LoadedPlugin {
  readonly instance: PluginInstance;
  readonly definition: AnyPluginDefinition;
  /** First key, or the package name. */
  readonly id: string;
  /** Package name and version. */
  readonly label: string;
  readonly keys: readonly SlotKey[];
  /** Everything it may be called by: keys and package name. */
  readonly names: readonly string[];
  /** Layer that brought it. */
  readonly origin: string;
  readonly builtIn: boolean;
}

/** Path of a plugin's options in the config: `mixer.pic`, or the package name. */
export function optionsPath(plugin: LoadedPlugin): string {
  return plugin.keys.length > 0 ? plugin.id.replace(':', '.') : plugin.id;
}
