import { declaredClasses, type LabelValues } from '../label-values.js';

type Complain = (message: string, fix: string) => void;

/** The classes that dataset.json names. */
export interface DeclaredClasses {
  /** Names by class, background first. */
  readonly classes: readonly string[];
  /** Names by the value in label files; empty where a value has none. */
  readonly valueNames: readonly string[];
  /** Class by the value in label files; null where they are the same. */
  readonly values: LabelValues | null;
}

const MOST_CLASSES = 256;
const LARGEST_VALUE = 65535;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWhole(value: unknown): boolean {
  return (typeof value === 'number' || typeof value === 'string') && /^\d+$/.test(String(value));
}

type Pair = readonly [value: number, name: string];

/** Returns value and name of each entry, or null after complaining. */
function pairsOf(labels: Readonly<Record<string, unknown>>, complain: Complain): readonly Pair[] | null {
  const entries = Object.entries(labels);
  const region = entries.find(([, item]) => Array.isArray(item));
  if (region !== undefined) {
    const message = `label "${region[0]}" is a region of several values: ${JSON.stringify(region[1])}`;
    complain(message, 'give each class one value; the option labelValues puts several values into one class');
    return null;
  }
  // Form 1 has values as keys, form 2 names; a value may be a text in either.
  const isByValue = entries.every(([key, item]) => isWhole(key) && typeof item === 'string');
  const isByName = !isByValue && entries.every(([, item]) => isWhole(item));
  if (!isByValue && !isByName) {
    const message = `its labels are ${JSON.stringify(labels)}, where names and values cannot be told apart`;
    complain(message, 'write all of them as { "background": 0, "liver": 1 }');
    return null;
  }
  return entries.map(([key, item]) => (isByValue ? [Number(key), String(item)] : [Number(item), key]));
}

/** The name of a class: that of the value which is its number, where several values belong to it. */
function nameOf(index: number, pairs: readonly Pair[], complain: Complain): string | null {
  const own = pairs.filter(([value]) => value === index);
  const [only] = own.length === 1 ? own : pairs;
  if (own.length === 1 || pairs.length === 1) return only![1];
  const names = pairs.map(([, name]) => `"${name}"`).join(' and ');
  complain(
    `the labels ${names} are one class, ${index}, and it is not clear which name it has`,
    'keep one of the names',
  );
  return null;
}

/** A mapping that takes the gaps out. */
function suggestion(values: readonly number[]): string {
  const moved = values.flatMap((value, index) => (value === index ? [] : [`${value}: ${index}`]));
  return `{ ${moved.slice(0, 8).join(', ')}${moved.length > 8 ? ', ...' : ''} }`;
}

/**
 * Reads the classes of `labels`.
 * @param labelValues - class by value in the label files, where they are not the same
 * @returns null after complaining.
 */
export function readLabels(labels: unknown, labelValues: LabelValues, complain: Complain): DeclaredClasses | null {
  if (!isRecord(labels) || Object.keys(labels).length === 0) {
    complain('has no "labels"', 'add "labels": { "background": 0, "liver": 1 }');
    return null;
  }
  const pairs = pairsOf(labels, complain);
  if (pairs === null) return null;
  const ignored = pairs.find(([, name]) => name.toLowerCase() === 'ignore');
  if (ignored !== undefined) {
    const fix = 'label the whole volume, or leave partly labelled cases out';
    complain(`has the label "ignore" (${ignored[0]})`, fix);
    return null;
  }
  const byClass = new Map<number, Pair[]>();
  for (const pair of pairs) {
    const index = labelValues[pair[0]] ?? pair[0];
    byClass.set(index, [...(byClass.get(index) ?? []), pair]);
  }
  const found = [...byClass.keys()].sort((a, b) => a - b);
  const listed = [...pairs].sort(([a], [b]) => a - b).map(([value, name]) => `${value} ${name}`);
  const hasGaps = found.some((index, place) => index !== place);
  const isTooMuch = found.length > MOST_CLASSES || pairs.some(([value]) => value > LARGEST_VALUE);
  if (hasGaps || isTooMuch || found.length < 2) {
    const fix =
      isTooMuch || found.length < 2
        ? `name the background and 1 to ${MOST_CLASSES - 1} classes`
        : `classes are numbered without gaps: give the values to classes by the option labelValues: ${suggestion(found)}`;
    complain(`its labels are ${listed.join(', ')}`, fix);
    return null;
  }
  const classes: string[] = [];
  for (const index of found) {
    const name = nameOf(index, byClass.get(index)!, complain);
    if (name === null) return null;
    classes.push(name);
  }
  const declared = pairs.map(([value]) => value);
  const names = new Map(pairs);
  const length = Math.max(...declared) + 1;
  return {
    classes,
    valueNames: Array.from({ length }, (_, value) => names.get(value) ?? ''),
    values: declaredClasses(declared, labelValues),
  };
}
