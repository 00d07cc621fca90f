import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readRegularFile } from '@dinomix/volume';
import { reasonOf } from '../../errors/dmx-error.js';
import type { DataProblem } from '../../slots/contracts/dataset.js';
import { errorOf, warningOf } from '../problems.js';
import type { NnunetLayout } from './layout.js';

/** What dataset.json says, in either form. */
export interface DatasetDocument {
  /** 1: Medical Segmentation Decathlon and nnU-Net v1, names by value. 2: nnU-Net v2, values by name. */
  readonly form: 1 | 2;
  readonly name: string;
  readonly licence: string | null;
  /** Names of the channels in order. */
  readonly channels: readonly string[];
  /** Class names by value, background first. */
  readonly classes: readonly string[];
  /** Of the image files; null where the document leaves it open. */
  readonly ending: string | null;
  readonly numTraining: number | null;
  /** File names that `training` lists, without folder. */
  readonly listed: readonly string[];
}

/** A document with what is wrong with it; null where it cannot be used at all. */
export interface ReadDocument {
  readonly document: DatasetDocument | null;
  readonly problems: readonly DataProblem[];
}

type Raw = Readonly<Record<string, unknown>>;

// A list of all cases of a large data set is some megabytes.
const LONGEST_DOCUMENT = 2 ** 26;

function isRecord(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Reads and checks `dataset.json` in a folder. */
export async function readDocument(root: string, layout: NnunetLayout): Promise<ReadDocument> {
  const file = join(root, 'dataset.json');
  const fail = (message: string, fix: string): ReadDocument => ({
    document: null,
    problems: [errorOf({ file, message, fix })],
  });
  let raw: unknown;
  try {
    const { size } = await stat(file);
    if (size > LONGEST_DOCUMENT)
      return fail(`has ${size} bytes`, 'name the folder of a data set in nnU-Net raw layout');
    raw = JSON.parse(await readRegularFile(file, 'utf8'));
  } catch (error) {
    return fail(
      `cannot be read: ${reasonOf(error)}`,
      'the folder of a data set has a dataset.json: check the path and the file',
    );
  }
  if (!isRecord(raw)) return fail('is not a JSON object', 'write it as nnU-Net describes');
  const problems: DataProblem[] = [];
  const complain = (message: string, fix: string) => problems.push(errorOf({ file, message, fix }));
  const form = isRecord(raw.channel_names) ? 2 : 1;
  const classes = readLabels(raw.labels, complain);
  const ending = readEnding(raw.file_ending, layout, complain);
  const channels = readChannels(raw.channel_names ?? raw.modality);
  if (channels.length === 0) {
    const message = 'has neither "channel_names" nor "modality"';
    problems.push(warningOf({ file, message, fix: 'add "channel_names": { "0": "CT" }' }));
  }
  if (classes === null) return { document: null, problems };
  return { document: documentOf(raw, form, classes, channels, ending), problems };
}

function documentOf(
  raw: Raw,
  form: 1 | 2,
  classes: readonly string[],
  channels: readonly string[],
  ending: string | null,
): DatasetDocument {
  const training = Array.isArray(raw.training) ? raw.training : [];
  const listed = training.flatMap((entry: unknown) => {
    const image = textOf(isRecord(entry) ? entry.image : entry);
    return image === null ? [] : [image.split(/[\\/]/).at(-1)!];
  });
  const numTraining = raw.numTraining;
  return {
    form,
    name: textOf(raw.name) ?? 'nnU-Net data set',
    licence: textOf(raw.licence) ?? textOf(raw.license),
    channels,
    classes,
    ending,
    numTraining: typeof numTraining === 'number' ? numTraining : null,
    listed,
  };
}

function readChannels(value: unknown): string[] {
  if (!isRecord(value)) return [];
  return Object.entries(value)
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, name]) => String(name));
}

type Complain = (message: string, fix: string) => void;

function readEnding(value: unknown, layout: NnunetLayout, complain: Complain): string | null {
  if (value === undefined) return null;
  const ending = layout.imageEndings.find((known) => known === value);
  if (ending !== undefined) return ending;
  complain(`has the file ending ${JSON.stringify(value)}`, layout.otherEndings);
  return null;
}

/** Returns the class names by value, or null after complaining. */
function readLabels(value: unknown, complain: Complain): readonly string[] | null {
  if (!isRecord(value) || Object.keys(value).length === 0) {
    complain('has no "labels"', 'add "labels": { "background": 0, "liver": 1 }');
    return null;
  }
  const pairs: [value: number, name: string][] = [];
  for (const [key, item] of Object.entries(value)) {
    if (Array.isArray(item)) {
      complain(`label "${key}" is a region of several values: ${JSON.stringify(item)}`, 'give each class one value');
      return null;
    }
    // Form 1 has values as keys, form 2 names; a name may be a number in form 2, its value cannot be a text.
    const isByName = typeof item === 'number';
    const number = isByName ? item : Number(key);
    const name = isByName ? key : typeof item === 'string' ? item : JSON.stringify(item);
    if (name.toLowerCase() === 'ignore') {
      complain(`has the label "ignore" (${number})`, 'label the whole volume, or leave partly labelled cases out');
      return null;
    }
    pairs.push([number, name]);
  }
  pairs.sort(([a], [b]) => a - b);
  const wrong = pairs.findIndex(([number], index) => number !== index);
  if (wrong >= 0 || pairs.length > 256 || pairs.length < 2) {
    const found = pairs.map(([number, name]) => `${number} ${name}`).join(', ');
    complain(`its labels are ${found}`, 'number the classes 0 (background), 1, 2, ... without gaps, 255 at most');
    return null;
  }
  return pairs.map(([, name]) => name);
}
