import { createRequire } from 'node:module';

interface LegacyUtil {
  isNullOrUndefined?: (value: unknown) => boolean;
  isArray?: (value: unknown) => boolean;
}

/**
 * Gives `node:util` back the two functions that tfjs-node 4.22 calls and that newer Node dropped (`isNullOrUndefined`
 * in 23). The package reads them from the CommonJS object at each call, so this must run before its first operation.
 *
 * @returns the names that had to be added; none on Node 22 and older.
 */
export function restoreLegacyUtil(
  util: LegacyUtil = createRequire(import.meta.url)('node:util') as LegacyUtil,
): readonly string[] {
  const added: string[] = [];
  if (util.isNullOrUndefined === undefined) {
    util.isNullOrUndefined = (value) => value === null || value === undefined;
    added.push('isNullOrUndefined');
  }
  if (util.isArray === undefined) {
    util.isArray = Array.isArray;
    added.push('isArray');
  }
  return added;
}
