/** A plain object with unknown values. */
export type PlainObject = Readonly<Record<string, unknown>>;

/** Whether a value is an object literal: no array, no class instance. */
export function isPlainObject(value: unknown): value is PlainObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

/** Remembers who set which path. */
export interface Origins {
  set(path: string, origin: string): void;
  /** Origin of a path: its own, else that of the nearest path above it, else `default`. */
  get(path: string): string;
  /** Forgets a path and all below it. */
  clear(path: string): void;
}

/** Makes an empty record of origins. */
export function createOrigins(): Origins {
  const known = new Map<string, string>();
  return {
    set: (path, origin) => known.set(path, origin),
    get(path) {
      for (let at = path; at !== ''; at = at.slice(0, Math.max(0, at.lastIndexOf('.')))) {
        const origin = known.get(at);
        if (origin !== undefined) return origin;
      }
      return 'default';
    },
    clear(path) {
      for (const key of [...known.keys()]) if (key === path || key.startsWith(`${path}.`)) known.delete(key);
    },
  };
}

/** `a.b`, or `b` at the top. */
export function joinPath(above: string, key: string): string {
  return above === '' ? key : `${above}.${key}`;
}

/**
 * Lays one object over another: plain objects are merged key by key, everything else is replaced. Undefined values are
 * skipped. Records the origin of every value that is set.
 */
export function mergeLayer(
  below: PlainObject,
  above: PlainObject,
  path: string,
  origin: string,
  origins: Origins,
): PlainObject {
  const merged: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    if (value === undefined) continue;
    const at = joinPath(path, key);
    const present = Object.hasOwn(below, key) ? below[key] : undefined;
    if (isPlainObject(value)) {
      if (!isPlainObject(present)) origins.clear(at);
      setOwn(merged, key, mergeLayer(isPlainObject(present) ? present : {}, value, at, origin, origins));
    } else {
      origins.clear(at);
      origins.set(at, origin);
      setOwn(merged, key, value);
    }
  }
  return merged;
}

/** Sets an own property whatever its name, so that `__proto__` from a file stays a key that the schema refuses. */
function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

/** The value at a dotted path given as keys; undefined where there is none. */
export function valueAt(root: unknown, path: readonly string[]): unknown {
  let value = root;
  for (const key of path) {
    if ((!isPlainObject(value) && !Array.isArray(value)) || !Object.hasOwn(value, key)) return undefined;
    value = (value as PlainObject)[key];
  }
  return value;
}

/** An object with one value at a path. */
export function nest(path: readonly string[], value: unknown): unknown {
  return path.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
}

/** Every value that is no plain object, with its dotted path. Empty objects count as values. */
export function leavesOf(value: unknown, path = ''): readonly (readonly [path: string, value: unknown])[] {
  if (!isPlainObject(value) || Object.keys(value).length === 0) return [[path, value]];
  return Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, joinPath(path, key)));
}

/** A short picture of a value for a message. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function') return `a function${value.name === '' ? '' : ` (${value.name})`}`;
  const text = typeof value === 'bigint' || typeof value === 'symbol' ? String(value) : JSON.stringify(value);
  if (text === undefined) return typeof value;
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
