import type { SchemaIssue } from '../plugin/types.js';
import { isPlainObject, valueAt } from './merge.js';

/** One finding of a schema. */
export interface Finding {
  /** Path of the offending value or key. */
  readonly path: readonly string[];
  readonly message: string;
  /** True when the key itself is not known. */
  readonly unknownKey: boolean;
}

function keysOfIssue(issue: SchemaIssue): readonly string[] {
  const keys: unknown = 'code' in issue && issue.code === 'unrecognized_keys' && 'keys' in issue ? issue.keys : [];
  return Array.isArray(keys) ? keys.map(String) : [];
}

/** Brings the issues of any schema library to one form; vendors place unknown keys differently. */
export function normaliseIssues(issues: readonly SchemaIssue[], input: unknown): readonly Finding[] {
  return issues.flatMap((issue): Finding[] => {
    const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part));
    const keys = keysOfIssue(issue);
    if (keys.length > 0) {
      return keys.map((key) => ({ path: [...path, key], message: 'Unknown key', unknownKey: true }));
    }
    const expectedNever = 'expected' in issue && issue.expected === 'never' && valueAt(input, path) !== undefined;
    return [{ path, message: issue.message, unknownKey: expectedNever }];
  });
}

interface SchemaNode {
  readonly shape?: unknown;
  readonly def?: { readonly innerType?: unknown; readonly in?: unknown };
}

/** The keys that a zod object schema has at a path; empty where that cannot be told. */
export function schemaKeysAt(schema: unknown, path: readonly string[]): readonly string[] {
  let node = unwrap(schema);
  for (const key of path) {
    const shape = node?.shape;
    if (!isPlainObject(shape) || !Object.hasOwn(shape, key)) return [];
    node = unwrap(shape[key]);
  }
  return isPlainObject(node?.shape) ? Object.keys(node.shape) : [];
}

/** Steps through defaults, optionals, read-only wrappers and pipes down to the object inside. */
function unwrap(schema: unknown): SchemaNode | undefined {
  let node = schema as SchemaNode | undefined;
  for (let depth = 0; depth < 10 && typeof node === 'object' && node !== null; depth++) {
    const inner = node.def?.innerType ?? node.def?.in;
    if (node.shape !== undefined || inner === undefined) return node;
    node = inner as SchemaNode;
  }
  return node ?? undefined;
}
