import { dmxError } from '../errors/codes.js';
import type { DmxError } from '../errors/dmx-error.js';
import type { LoadedPlugin } from './loaded.js';

/** Whether a plugin answers to a pattern: a key, `<slot>:*`, or a package name. */
function answers(plugin: LoadedPlugin, activeKeys: ReadonlySet<string>, pattern: string): boolean {
  if (!pattern.includes(':')) return plugin.definition.name === pattern;
  const keys = plugin.keys.filter((key) => activeKeys.has(key));
  return pattern.endsWith(':*')
    ? keys.some((key) => key.startsWith(pattern.slice(0, -1)))
    : keys.some((key) => key === pattern);
}

/**
 * Phase `requirements`: what plugins in use need beside them, what they cannot be used with, and the backend.
 * @param active - plugins in use. @param activeKeys - the keys in use. @param backend - id of the backend.
 */
export function checkRequirements(
  active: readonly LoadedPlugin[],
  activeKeys: ReadonlySet<string>,
  backend: string | undefined,
  report: (problem: DmxError) => void,
): void {
  for (const plugin of active) {
    const { requires = [], conflicts = [], capabilities } = plugin.definition;
    const context = { plugin: plugin.label, phase: 'requirements' } as const;
    for (const wanted of requires) {
      if (active.some((other) => answers(other, activeKeys, wanted))) continue;
      report(dmxError('DMX_PLUGIN_REQUIRES', { plugin: plugin.label, wanted }, context));
    }
    for (const key of conflicts) {
      const other = active.find((one) => one !== plugin && answers(one, activeKeys, key));
      if (other === undefined) continue;
      report(dmxError('DMX_PLUGIN_CONFLICT', { plugin: plugin.label, other: other.label, key }, context));
    }
    const supported = capabilities?.backends;
    if (supported !== undefined && backend !== undefined && !supported.includes(backend)) {
      report(dmxError('DMX_PLUGIN_BACKEND', { plugin: plugin.label, backend, supported }, context));
    }
  }
}
