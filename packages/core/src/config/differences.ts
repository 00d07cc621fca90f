import { joinPath } from './merge.js';

/** Paths at which two JSON values differ, such as `train.epochs` or `plugins.3.version`; the order of keys does not matter. */
export function jsonDifferences(first: unknown, second: unknown, path = ''): readonly string[] {
  if (Object.is(first, second)) return [];
  if (typeof first !== 'object' || typeof second !== 'object' || first === null || second === null) return [path];
  const keys = new Set([...Object.keys(first), ...Object.keys(second)]);
  const at = (value: object, key: string) => (value as Readonly<Record<string, unknown>>)[key];
  return [...keys].flatMap((key) => jsonDifferences(at(first, key), at(second, key), joinPath(path, key)));
}
