import { dmxError } from '../errors/codes.js';
import { SLOT_NAMES, type SlotName } from '../slots/tokens.js';
import type { SlotKey } from './slot-key.js';
import {
  type AnyPluginDefinition,
  type OptionsSchema,
  PLUGIN,
  type PluginDefinition,
  type PluginFactory,
  type PluginInstance,
} from './types.js';
import { CORE_VERSION } from './version.js';

const ID_PATTERN = /^[a-z][a-z0-9-]*$/;

/** Splits `mixer:pic` into slot and id; null when it is no such key. */
export function parseSlotKey(key: string): { readonly slot: SlotName; readonly id: string } | null {
  const [slot, id, ...rest] = key.split(':');
  if (slot === undefined || id === undefined || rest.length > 0 || !ID_PATTERN.test(id)) return null;
  return SLOT_NAMES.includes(slot as SlotName) ? { slot: slot as SlotName, id } : null;
}

function makeInstance(definition: AnyPluginDefinition, options: unknown, alias: string | null): PluginInstance {
  const [only] = definition.provides;
  const provides =
    alias === null || only === undefined ? definition.provides : [`${parseSlotKey(only)!.slot}:${alias}` as const];
  return Object.freeze({
    [PLUGIN]: Object.freeze({ core: CORE_VERSION, definition, options, alias }),
    provides: Object.freeze([...provides]),
    as: (id: string) => {
      const plugin = `${definition.name} ${definition.version}`;
      if (definition.provides.length !== 1) {
        const problem = `as("${id}") renames one key, and the plugin provides ${definition.provides.length}`;
        throw dmxError('DMX_PLUGIN_DEFINITION', { plugin, problem }, { plugin, phase: 'identity' });
      }
      if (!ID_PATTERN.test(id)) {
        const problem = `as("${id}") needs an id of lower case letters, digits and "-"`;
        throw dmxError('DMX_PLUGIN_DEFINITION', { plugin, problem }, { plugin, phase: 'identity' });
      }
      return makeInstance(definition, options, id);
    },
  }) as PluginInstance;
}

/**
 * Declares a plugin. Returns the function that a config calls with the plugin's options.
 *
 * Nothing is checked here but the types: a host checks the definition together with those of the other plugins, so that
 * all problems are reported at once.
 */
export function definePlugin<const P extends readonly SlotKey[], S extends OptionsSchema>(
  definition: PluginDefinition<P, S>,
): PluginFactory<P, S> {
  const frozen = Object.freeze({ ...definition }) as unknown as AnyPluginDefinition;
  const factory = (options?: unknown) => makeInstance(frozen, options ?? {}, null);
  return Object.assign(factory, { [PLUGIN]: frozen.name }) as unknown as PluginFactory<P, S>;
}

/** Whether a value was made by {@link definePlugin} and called, in this or another copy of core. */
export function isPluginInstance(value: unknown): value is PluginInstance {
  return typeof value === 'object' && value !== null && PLUGIN in value && 'provides' in value;
}

/** Package name of a function made by {@link definePlugin} that was not called; null for anything else. */
export function uncalledPluginName(value: unknown): string | null {
  if (typeof value !== 'function' || !(PLUGIN in value)) return null;
  const name: unknown = value[PLUGIN];
  return typeof name === 'string' ? name : null;
}
