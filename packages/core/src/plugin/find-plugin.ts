import type { ResolvedPlugin } from '../config/types.js';
import type { JsonObject } from '../slots/contracts/common.js';
import { definePlugin, isPluginInstance, parseSlotKey, uncalledPluginName } from './define-plugin.js';
import type { SlotKey } from './slot-key.js';
import { PLUGIN, type PluginInstance } from './types.js';

/** Looks for the plugin of a stored config; null where it is not in this place. */
export type FindPlugin = (stored: Pick<ResolvedPlugin, 'name' | 'provides'>) => Promise<PluginInstance | null>;

type Keys = readonly SlotKey[];

const same = (a: Keys, b: Keys) => a.length === b.length && a.every((key, index) => key === b[index]);

/** Whether the keys are those of a definition, as declared or with its only id renamed. */
function mayProvide(declared: Keys, wanted: Keys): boolean {
  if (same(declared, wanted)) return true;
  const [[only], [renamed]] = [declared, wanted];
  if (declared.length !== 1 || wanted.length !== 1) return false;
  return parseSlotKey(only!)?.slot === parseSlotKey(renamed!)?.slot;
}

function best(found: readonly PluginInstance[], { name, provides }: Parameters<FindPlugin>[0]): PluginInstance | null {
  const named = found.filter((one) => one[PLUGIN].definition.name === name);
  return (
    named.find((one) => same(one.provides, provides)) ??
    named.find((one) => mayProvide(one[PLUGIN].definition.provides, provides)) ??
    null
  );
}

/** Looks among the plugins of a config. */
export function pluginsOf(plugins: readonly PluginInstance[]): FindPlugin {
  return async (stored) => best(plugins, stored);
}

/** Looks among what an installed package exports, as the config file would import it. */
export function packagePlugins(configFile: string): FindPlugin {
  return async (stored) => {
    const { createJiti } = await import('jiti');
    const module = await createJiti(configFile)
      .import<Readonly<Record<string, unknown>>>(stored.name)
      .catch(() => ({}));
    const instances = Object.values(module).flatMap((exported) => {
      if (uncalledPluginName(exported) !== stored.name) return [];
      const made: unknown = (exported as () => unknown)();
      return isPluginInstance(made) ? [made] : [];
    });
    return best(instances, stored);
  };
}

/** The same plugin with other options, under the given keys. */
export function withOptions(plugin: PluginInstance, options: JsonObject, provides: Keys): PluginInstance {
  const { definition } = plugin[PLUGIN];
  const made: PluginInstance = definePlugin(definition)(options as never);
  return same(made.provides, provides) ? made : (made.as(parseSlotKey(provides[0]!)!.id) as PluginInstance);
}
