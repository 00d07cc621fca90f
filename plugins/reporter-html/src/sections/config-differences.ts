import type { Json, JsonObject } from '@dinomix/core';
import { html } from '../markup/html.js';
import { type Section, section, table } from './common.js';
import { type ComparedRun, runChip } from './compare.js';

/** All values of a config by their path. */
function flat(value: Json, path: string, into: Map<string, string>): Map<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    into.set(path, JSON.stringify(value));
    return into;
  }
  for (const [key, inner] of Object.entries(value as JsonObject))
    flat(inner, path === '' ? key : `${path}.${key}`, into);
  return into;
}

/** Plugins by id, so that two lists of plugins can be compared by what they hold. */
function comparable(config: JsonObject): JsonObject {
  const { plugins, ...rest } = config;
  if (!Array.isArray(plugins)) return config;
  const entries = plugins.flatMap((plugin) => {
    const { id, options, active } = (plugin ?? {}) as Record<string, Json | undefined>;
    return typeof id === 'string' && active === true && options !== undefined ? [[id, options] as const] : [];
  });
  return { ...rest, options: Object.fromEntries(entries) };
}

/** Paths of the configs at which the runs differ, with the value of each run; undefined where it has none. */
export function configDifferences(
  configs: readonly JsonObject[],
): readonly (readonly [path: string, values: readonly (string | undefined)[]])[] {
  const flattened = configs.map((config) => flat(comparable(config), '', new Map()));
  const paths = [...new Set(flattened.flatMap((one) => [...one.keys()]))].sort();
  return paths.flatMap((path) => {
    const values = flattened.map((one) => one.get(path));
    return values.every((value) => value === values[0]) ? [] : [[path, values] as const];
  });
}

/** What was set differently. */
export function differenceSection(runs: readonly ComparedRun[]): Section | null {
  const differences = configDifferences(runs.map(({ history }) => history.record?.config ?? {}));
  const head = [html`<th>value</th>`, ...runs.map((run) => html`<th>${runChip(run)}</th>`)];
  const rows = differences.map(
    ([path, values]) =>
      html`<tr><th scope="row"><code>${path}</code></th>${values.map((value) => html`<td><code>${value ?? '–'}</code></td>`)}</tr>`,
  );
  if (rows.length === 0) return section('config', 'Differences of the configs', html`<p>The configs are the same.</p>`);
  return section('config', 'Differences of the configs', table(head, rows));
}
