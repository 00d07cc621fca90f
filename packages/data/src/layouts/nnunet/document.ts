import { join } from 'node:path';
import type { DataProblem } from '@dinomix/core';
import { isDmxError, readJsonDocument } from '@dinomix/core';
import { errorOf, warningOf } from '../../check/problems.js';
import { channelProblems, readChannels } from './channels.js';
import type { DatasetDocument } from './dataset-document.js';
import { readLabels } from './labels.js';
import type { NnunetLayout } from './layout.js';
import { readListedFiles } from './listed-files.js';
import type { NnunetOptions } from './options.js';

/** A document with what is wrong with it; null where it cannot be used at all. */
export interface ReadDocument {
  readonly document: DatasetDocument | null;
  readonly problems: readonly DataProblem[];
}

type Raw = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

type Complain = (message: string, fix: string) => void;

function readEnding(value: unknown, layout: NnunetLayout, complain: Complain): string | null {
  if (value === undefined) return null;
  const ending = layout.imageEndings.find((known) => known === value);
  if (ending !== undefined) return ending;
  complain(`has the file ending ${JSON.stringify(value)}`, layout.otherEndings);
  return null;
}

function readCount(value: unknown, complain: Complain): number | null {
  if (value === undefined || value === null) return null;
  const count = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof count === 'number' && Number.isInteger(count) && count >= 0) return count;
  complain(`"numTraining" is ${JSON.stringify(value)}`, 'write the number of training cases, or leave it out');
  return null;
}

/** Reads and checks `dataset.json` in a folder. */
export async function readDocument(
  root: string,
  layout: NnunetLayout,
  options: Pick<NnunetOptions, 'labelValues' | 'channel' | 'window'>,
): Promise<ReadDocument> {
  const file = join(root, 'dataset.json');
  const problems: DataProblem[] = [];
  const complain = (message: string, fix: string) => {
    problems.push(errorOf({ file, message, fix }));
  };
  let raw: unknown;
  try {
    raw = await readJsonDocument(file);
  } catch (error) {
    if (!isDmxError(error)) throw error;
    const isMissing = error.cause !== undefined;
    const place = 'the folder of a data set has a dataset.json: check the path and the file';
    complain(error.why, isMissing ? place : error.fix);
    return { document: null, problems };
  }
  if (!isRecord(raw)) {
    complain('is not a JSON object', 'write it as nnU-Net describes');
    return { document: null, problems };
  }
  const key = 'channel_names' in raw ? 'channel_names' : 'modality';
  const named = raw[key];
  const channels = named === undefined ? [] : readChannels(key, named, complain);
  if (named === undefined) {
    const message = 'has neither "channel_names" nor "modality": no image is taken for a CT';
    problems.push(warningOf({ file, message, fix: 'add "channel_names": { "0": "CT" }' }));
  }
  problems.push(...channelProblems(channels, options.channel, options.window !== null, file));
  const classes = readLabels(raw.labels, options.labelValues, complain);
  const listed = readListedFiles(raw, root, file, problems);
  const ending = readEnding(raw.file_ending, layout, complain);
  const numTraining = readCount(raw.numTraining, complain);
  if (classes === null) return { document: null, problems };
  const document: DatasetDocument = {
    ...classes,
    ...listed,
    form: key === 'channel_names' ? 2 : 1,
    name: textOf(raw.name) ?? 'nnU-Net data set',
    licence: textOf(raw.licence) ?? textOf(raw.license),
    channels,
    ending,
    numTraining,
  };
  return { document, problems };
}
