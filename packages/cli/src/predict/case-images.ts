import { existsSync } from 'node:fs';
import { basename, dirname, relative, sep } from 'node:path';
import type { ImageReading } from '@dinomix/core';
import { usageError } from '../errors.js';
import { IMAGE_ENDING, NIFTI_ENDING, type PredictionInput } from './inputs.js';

/** The image of one case. */
export interface CaseImage extends PredictionInput {
  /** What its labels are called, without ending. */
  readonly name: string;
}

/** The images behind a path as the network takes them. */
export interface CaseImages {
  readonly images: readonly CaseImage[];
  /** Files of cases that lack the channel of the network, each with its reason. */
  readonly lacking: readonly { readonly path: string; readonly problem: string }[];
  readonly notes: readonly string[];
}

/** nnU-Net's way of naming the files of a case. */
const CHANNEL = /^(.+)_(\d{4})$/;

const withoutEnding = (name: string) => name.replace(NIFTI_ENDING, '').replace(IMAGE_ENDING, '');

/** A file's own name, or below a folder also those of the folders between: series of several patients have names such as CT. */
function stemOf({ path, kind }: PredictionInput, root: string): string {
  const own = path === root ? basename(path) : relative(root, path).split(sep).join('_');
  return kind === 'dicom' ? own : withoutEnding(own);
}

type Channels = Pick<ImageReading, 'channel' | 'channelNames'>;

/** One case by the names of its files. */
interface FoundCase {
  readonly id: string;
  readonly files: readonly { readonly image: CaseImage; readonly channel: number }[];
}

const shown = (channel: number, names: readonly string[]) =>
  `${channel}${names[channel] === undefined ? '' : ` (${names[channel]})`}`;
const digits = (channel: number) => `_${String(channel).padStart(4, '0')}`;
const MOST_NAMED = 6;

function listed(names: readonly string[]): string {
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : '';
  return `${names.slice(0, MOST_NAMED).join(', ')}${more}`;
}

/** Refuses a file of another channel than the network learned from, and names the one to take. */
function assertChannel(
  { image, channel: found }: FoundCase['files'][number],
  id: string,
  learned: string,
  channel: number,
) {
  const own = image.path.slice(0, image.path.lastIndexOf(digits(found)));
  const other = `${own}${digits(channel)}${image.path.slice(own.length + 5)}`;
  const cure = existsSync(other) ? `name ${other}` : `there is no ${basename(other)} in ${dirname(other)}`;
  const problem = `It is channel ${found} of case "${id}", and the network learned from channel ${learned}: ${cure}.`;
  throw usageError('DMX_CLI_INPUT', { path: image.path, problem });
}

function casesOf(images: readonly CaseImage[]): readonly FoundCase[] {
  const cases = new Map<string, FoundCase['files'][number][]>();
  for (const image of images) {
    const [, id, number] = CHANNEL.exec(image.name) ?? [];
    if (id === undefined) continue;
    cases.set(id, [...(cases.get(id) ?? []), { image, channel: Number(number) }]);
  }
  return [...cases].map(([id, files]) => ({ id, files }));
}

const numbersOf = ({ files }: FoundCase) => files.map(({ channel }) => channel).join(' ');

/**
 * Digits that are no channel of the training may be those of channels that it did not have, where several cases have the same
 * ones, or numbers of cases.
 * @throws DMX_CLI_INPUT where nothing tells which.
 */
function assertClear(found: FoundCase, cases: readonly FoundCase[], root: string, learned: string): void {
  if (cases.some((other) => other !== found && numbersOf(other) === numbersOf(found))) return;
  const names = listed(found.files.map(({ image }) => image.name));
  const problem = `${names}: the last digits may be channels of one case or numbers of several, and the network learned from channel ${learned} alone. Take the files of other channels away, or give the image of each case the ending ${digits(0)}.`;
  throw usageError('DMX_CLI_INPUT', { path: root, problem });
}

/** What one case gives. */
interface Settled {
  readonly images: readonly CaseImage[];
  readonly lacking?: CaseImages['lacking'][number];
  readonly leftOut?: readonly string[];
}

function settleCase(
  found: FoundCase,
  cases: readonly FoundCase[],
  root: string,
  channel: number,
  names: readonly string[],
): Settled {
  const { id, files } = found;
  const learned = shown(channel, names);
  const own = files.filter((file) => file.channel === channel);
  const foreign = files.filter((file) => file.channel > Math.max(channel, names.length - 1));
  if (own.length > 0) {
    if (foreign.length > 0) assertClear(found, cases, root, learned);
    const others = files.filter((file) => file.channel !== channel);
    return { images: own.map(({ image }) => ({ ...image, name: id })), leftOut: others.map(({ image }) => image.name) };
  }
  if (foreign.length === files.length) return { images: files.map(({ image }) => image) };
  if (files[0]!.image.path === root) assertChannel(files[0]!, id, learned, channel);
  const numbers = files.map((file) => file.channel).join(', ');
  const problem = `Case "${id}" has the channels ${numbers}, and the network learned from channel ${learned}.`;
  return { images: [], lacking: { path: files[0]!.image.path, problem } };
}

/**
 * Finds the image of each case as the training did: where it read one of several files of a case, `a_0000` and `a_0001` are
 * one case `a`, and labels have its name; else the name of a file is that of its case. Digits that are no channel of the
 * training belong to the name.
 * @throws DMX_CLI_INPUT for a single file of another channel, and where digits may be either.
 */
export function caseImages(inputs: readonly PredictionInput[], root: string, reading: Channels | null): CaseImages {
  const named = inputs.map((input) => ({ ...input, name: stemOf(input, root) }));
  if (reading === null || reading.channel === null) return { images: named, lacking: [], notes: [] };
  const { channel, channelNames } = reading;
  const learned = shown(channel, channelNames);
  const unnumbered = named.filter(({ name }) => !CHANNEL.test(name));
  const cases = casesOf(named);
  const settled = cases.map((found) => settleCase(found, cases, root, channel, channelNames));
  const order = new Map(inputs.map(({ path }, index) => [path, index]));
  const images = [...unnumbered, ...settled.flatMap((one) => one.images)];
  const leftOut = settled.flatMap((one) => one.leftOut ?? []);
  const isDoubtful = unnumbered.length > 0 && channelNames.length > 1;
  const taken = listed(unnumbered.map(({ name }) => name));
  return {
    images: images.sort((a, b) => order.get(a.path)! - order.get(b.path)!),
    lacking: settled.flatMap(({ lacking }) => (lacking === undefined ? [] : [lacking])),
    notes: [
      ...(isDoubtful ? [`without a channel number, and taken as channel ${learned}: ${taken}`] : []),
      ...(leftOut.length > 0
        ? [`not looked at, for they are of other channels than ${learned}: ${listed(leftOut)}`]
        : []),
    ],
  };
}
