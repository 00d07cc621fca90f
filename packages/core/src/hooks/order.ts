import { dmxError } from '../errors/codes.js';
import type { DmxError } from '../errors/dmx-error.js';
import { nearest } from '../errors/suggest.js';

/** A tap as far as its order matters. */
export interface OrderedTap {
  /** Id of the plugin, e.g. `mixer:pic`. */
  readonly pluginId: string;
  /** Every name by which other plugins may refer to it: ids and package name. */
  readonly names: readonly string[];
  /** Package name and version, for messages. */
  readonly label: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

function findRing(successors: readonly ReadonlySet<number>[], left: ReadonlySet<number>): readonly number[] {
  const path: number[] = [];
  let at = Math.min(...left);
  while (!path.includes(at)) {
    path.push(at);
    const from = at;
    // Every tap that is left has a predecessor that is left; walking back must meet itself.
    at = [...left].find((candidate) => successors[candidate]!.has(from))!;
  }
  return [...path.slice(path.indexOf(at)), at].reverse();
}

/**
 * Sorts taps so that every `before` and `after` holds and everything else stays in the given order (Kahn's algorithm,
 * always taking the first that is free). A reference to a plugin without a tap on this hook constrains nothing.
 * @param knownNames - every id and package name of the plugins in use.
 * @param report - receives DMX_TAP_ORDER for unknown names and DMX_TAP_RING for rings.
 */
export function orderTaps<P extends OrderedTap>(
  hook: string,
  taps: readonly P[],
  knownNames: ReadonlySet<string>,
  report: (problem: DmxError) => void,
): readonly P[] {
  const successors = taps.map(() => new Set<number>());
  const link = (earlier: number, later: number): void => {
    if (earlier !== later) successors[earlier]!.add(later);
  };
  taps.forEach((tap, index) => {
    for (const name of [...tap.before, ...tap.after]) {
      if (knownNames.has(name)) continue;
      const details = { plugin: tap.label, hook, name, nearest: nearest(name, knownNames) };
      report(dmxError('DMX_TAP_ORDER', details, { plugin: tap.label, hook, phase: 'order' }));
    }
    taps.forEach((other, position) => {
      if (tap.before.some((name) => other.names.includes(name))) link(index, position);
      if (tap.after.some((name) => other.names.includes(name))) link(position, index);
    });
  });
  const waiting = taps.map((_, index) => successors.filter((set) => set.has(index)).length);
  const left = new Set(taps.keys());
  const sorted: P[] = [];
  while (left.size > 0) {
    const free = [...left].find((index) => waiting[index] === 0);
    if (free === undefined) {
      const ring = findRing(successors, left).map((index) => taps[index]!.label);
      report(dmxError('DMX_TAP_RING', { hook, ring }, { hook, phase: 'order' }));
      return taps;
    }
    left.delete(free);
    for (const later of successors[free]!) waiting[later]! -= 1;
    sorted.push(taps[free]!);
  }
  return sorted;
}
