import type { AxisRange, Index3 } from '@dinomix/core';
import { type FileInspection, headerProblems, imageWarnings } from '@dinomix/data';
import { fieldOf } from '@dinomix/data/prepare';
import type { Volume } from '@dinomix/volume';
import type { NetworkFacts } from './network-facts.js';

/** An image may be this much finer or coarser, shorter or longer than any that the network learned from. */
const MARGIN = 2;

function isOutside(value: Index3, [lowest, highest]: AxisRange): boolean {
  return value.some((length, axis) => length < lowest[axis]! / MARGIN || length > highest[axis]! * MARGIN);
}

const text = (lengths: Index3) => lengths.map((length) => Number(length.toPrecision(4))).join(' x ');

function rangeText([lowest, highest]: AxisRange): string {
  return text(lowest) === text(highest) ? text(lowest) : `${text(lowest)} to ${text(highest)}`;
}

function fieldNotes(image: Volume, facts: NetworkFacts): readonly string[] {
  const field = fieldOf(image, facts.preprocessing.orientation === 'RAS');
  return (
    [
      ['voxels', field.spacing, facts.spacing],
      ['a field', field.extent, facts.extent],
    ] as const
  )
    .filter(([, found, learned]) => isOutside(found, learned))
    .map(([what, found, learned]) => {
      return `has ${what} of ${text(found)} mm (z, y, x), and the labelled images of the training had ${rangeText(learned)}`;
    });
}

/**
 * What `data check` would say of an image that is predicted: lengths in another unit, a CT that is not in HU; and whether it
 * is unlike the images that the network learned from.
 * @param image - with its axes as the network takes them, or as the file has them where they are turned to RAS+ anyway
 */
export function findingsOf(
  path: string,
  inspection: FileInspection,
  image: Volume,
  facts: NetworkFacts,
): readonly string[] {
  const files = { id: path, image: path, label: null, isTest: true };
  const isHu = facts.reading?.isHu ?? false;
  const header = headerProblems(inspection, path, path, 'image');
  const found = [...header, ...imageWarnings(image, files, isHu)].map(({ message, fix }) => `${message}. ${fix}`);
  return [...found, ...(header.length > 0 ? [] : fieldNotes(image, facts))];
}
