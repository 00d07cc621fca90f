import { dmxError, throwProblems } from '../errors/codes.js';
import { type DmxError, isDmxError, reasonOf } from '../errors/dmx-error.js';
import type { HookSet } from '../hooks/hook-set.js';
import { withDeadline } from '../lifecycle/deadline.js';
import type { DisposalStack } from '../lifecycle/disposal-stack.js';
import { parseSlotKey } from '../plugin/define-plugin.js';
import type { LoadedPlugin } from '../plugin/loaded.js';
import type { SlotKey } from '../plugin/slot-key.js';
import { PLUGIN, type PluginApi, type SlotFactory } from '../plugin/types.js';
import type { JsonObject } from '../slots/contracts/common.js';
import type { SlotTypes } from '../slots/tokens.js';

/** A factory with the plugin that gave it. */
export interface Provider {
  readonly plugin: LoadedPlugin;
  readonly create: SlotFactory<unknown>;
}

/** What the setups of all plugins in use produced: factories by key. */
export type Providers = ReadonlyMap<string, Provider>;

/** The key in the host for a key as the plugin declares it. */
function hostKey(plugin: LoadedPlugin, declared: string): SlotKey {
  const { alias } = plugin.instance[PLUGIN];
  const parsed = parseSlotKey(declared)!;
  return alias === null ? (declared as SlotKey) : `${parsed.slot}:${alias}`;
}

interface ApiParts<T> {
  readonly hooks: HookSet<T>;
  readonly disposal: DisposalStack;
  readonly providers: Map<string, Provider>;
}

/** The API of one plugin, closed by the returned function. */
function createApi<T>(plugin: LoadedPlugin, parts: ApiParts<T>): { api: PluginApi<SlotKey, T>; close: () => void } {
  let open = true;
  const assertOpen = (call: string): void => {
    if (open) return;
    throw dmxError('DMX_API_CLOSED', { plugin: plugin.label, call }, { plugin: plugin.label });
  };
  const { id, names, label } = plugin;
  const api: PluginApi<SlotKey, T> = Object.freeze({
    id,
    hooks: parts.hooks.targetsFor({ id, names, label }, () => !open),
    provide(slot: string, declaredId: string, create: SlotFactory<unknown>) {
      assertOpen('api.provide');
      const declared = `${slot}:${declaredId}`;
      const context = { plugin: label, slot, phase: 'setup' } as const;
      const keys = plugin.definition.provides;
      if (!keys.includes(declared as SlotKey)) {
        throw dmxError('DMX_PROVIDE_UNDECLARED', { plugin: label, key: declared, declared: keys }, context);
      }
      const key = hostKey(plugin, declared);
      if (parts.providers.has(key)) throw dmxError('DMX_PROVIDE_TWICE', { plugin: label, key }, context);
      parts.providers.set(key, { plugin, create });
    },
    onDispose(dispose: () => Promise<void> | void) {
      assertOpen('api.onDispose');
      parts.disposal.add(label, dispose);
    },
  });
  return {
    api,
    close: () => {
      open = false;
    },
  };
}

async function setUpPlugin<T>(
  plugin: LoadedPlugin,
  options: JsonObject,
  parts: ApiParts<T>,
  milliseconds: number,
): Promise<readonly DmxError[]> {
  const { label, definition } = plugin;
  const context = { plugin: label, phase: 'setup' } as const;
  const { api, close } = createApi(plugin, parts);
  try {
    const setup = () => definition.setup(api as PluginApi<SlotKey>, options);
    await withDeadline(setup, milliseconds, `setup of ${label}`, context);
  } catch (thrown) {
    if (isDmxError(thrown)) return [thrown];
    return [dmxError('DMX_PLUGIN_SETUP', { plugin: label, reason: reasonOf(thrown) }, { ...context, cause: thrown })];
  } finally {
    close();
  }
  return definition.provides
    .map((declared) => hostKey(plugin, declared))
    .filter((key) => !parts.providers.has(key))
    .map((key) => dmxError('DMX_PROVIDE_MISSING', { plugin: label, key }, context));
}

/** Phases `setup` and `order`: runs the setup of each plugin in use, one after the other, and sorts the taps. */
export async function setUpPlugins<T>(
  active: readonly LoadedPlugin[],
  options: ReadonlyMap<string, JsonObject>,
  hooks: HookSet<T>,
  disposal: DisposalStack,
  milliseconds: number,
): Promise<Providers> {
  const providers = new Map<string, Provider>();
  const problems: DmxError[] = [];
  for (const plugin of active) {
    const parts = { hooks, disposal, providers };
    problems.push(...(await setUpPlugin(plugin, options.get(plugin.id) ?? {}, parts, milliseconds)));
  }
  throwProblems(problems, 'setup');
  const knownNames = new Set(active.flatMap((plugin) => plugin.names));
  throwProblems(hooks.freeze(knownNames), 'order');
  return providers;
}

/** What fills a slot, with who it is. */
export interface Bound<V> {
  readonly id: string;
  /** Package name and version. */
  readonly plugin: string;
  readonly value: V;
}

/** The content of a slot in the order of the config. */
export type BoundSlot<S extends keyof SlotTypes<T>, T> = readonly Bound<SlotTypes<T>[S]>[];
