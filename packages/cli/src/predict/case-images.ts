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

const shown = (channel: number, name: string | null) => `channel ${channel}${name === null ? '' : ` (${name})`}`;
const digits = (channel: number) => `_${String(channel).padStart(4, '0')}`;

/** Refuses a file of another channel than the network learned from, and names the one to take. */
function assertChannel(input: PredictionInput, found: number, id: string, channel: number, name: string | null): void {
  if (found === channel) return;
  const own = input.path.slice(0, input.path.lastIndexOf(digits(found)));
  const ending = input.path.slice(own.length + 5);
  const other = `${own}${digits(channel)}${ending}`;
  const cure = existsSync(other) ? `name ${other}` : `there is no ${basename(other)} in ${dirname(other)}`;
  const problem = `It is channel ${found} of case "${id}", and the network learned from ${shown(channel, name)}: ${cure}.`;
  throw usageError('DMX_CLI_INPUT', { path: input.path, problem });
}

/**
 * Finds the image of each case as the training did: where it read one of several files of a case, `a_0000` and `a_0001` are
 * one case `a`, and labels have its name; else the name of a file is that of its case.
 * @throws DMX_CLI_INPUT for a single file of another channel.
 */
export function caseImages(
  inputs: readonly PredictionInput[],
  root: string,
  reading: Pick<ImageReading, 'channel' | 'channelName'> | null,
): CaseImages {
  const channel = reading?.channel ?? null;
  const named = inputs.map((input) => ({ ...input, name: stemOf(input, root) }));
  if (channel === null) return { images: named, lacking: [], notes: [] };
  const images: CaseImage[] = [];
  const cases = new Map<string, { readonly channels: number[]; readonly first: string }>();
  for (const image of named) {
    const [, id, number] = CHANNEL.exec(image.name) ?? [];
    if (id === undefined) {
      images.push(image);
      continue;
    }
    const found = Number(number);
    if (image.path === root) assertChannel(image, found, id, channel, reading!.channelName);
    const known = cases.get(id) ?? { channels: [], first: image.path };
    cases.set(id, known);
    known.channels.push(found);
    if (found === channel) images.push({ ...image, name: id });
  }
  const wanted = shown(channel, reading!.channelName);
  const lacking = [...cases]
    .filter(([, { channels }]) => !channels.includes(channel))
    .map(([id, { channels, first }]) => {
      const problem = `Case "${id}" has the channels ${channels.join(', ')}, and the network learned from ${wanted}.`;
      return { path: first, problem };
    });
  const unnumbered = images.filter(({ name, path }) => name === stemOf({ path, kind: 'image' }, root)).length;
  const others = named.length - images.length - lacking.length;
  return {
    images,
    lacking,
    notes: [
      ...(unnumbered > 0 ? [`${unnumbered} of the files have no channel number and are taken as ${wanted}`] : []),
      ...(others > 0 ? [`${others} files of other channels than ${digits(channel)} are not looked at`] : []),
    ],
  };
}
