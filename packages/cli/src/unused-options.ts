import { type Host, type LoadedConfig, parseOverride } from '@dinomix/core';

/** Keys and names of plugins that are loaded and not in use. */
function idleNames({ config }: Pick<Host, 'config'>): ReadonlySet<string> {
  const idle = config.plugins.filter(({ active }) => !active);
  return new Set(idle.flatMap(({ name, provides }) => [name, ...provides]));
}

/** Options that were set for parts that nothing uses: they change nothing, and whoever set them meant something. */
export function unusedOptions(
  { config, overrides }: Pick<LoadedConfig, 'config' | 'overrides'>,
  host: Pick<Host, 'config'>,
): readonly string[] {
  const idle = idleNames(host);
  const line = (what: string, key: string) => `${what} changes nothing: ${key} is not in use`;
  const fromFile = typeof config.options === 'object' && config.options !== null ? Object.keys(config.options) : [];
  return [
    ...fromFile.filter((key) => idle.has(key)).map((key) => line(`"${key}" in "options" of the config`, key)),
    ...overrides.flatMap((text) => {
      const override = parseOverride(text);
      if (override.kind !== 'option') return [];
      const key = `${override.slot}:${override.id}`;
      return idle.has(key) ? [line(text, key)] : [];
    }),
  ];
}
