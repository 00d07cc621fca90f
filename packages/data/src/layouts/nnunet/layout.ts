import type { ImageReading } from '@dinomix/core';
import type { FormatSource } from '../case-format.js';
import type { DatasetDocument } from './dataset-document.js';
import type { NnunetOptions } from './options.js';

/** Which files a folder in the nnU-Net raw layout holds, and how they are read. */
export interface NnunetLayout {
  /** Endings of image files, such as `.nii.gz`; one that ends another stands behind it. */
  readonly imageEndings: readonly string[];
  /** Endings of label files; null: those of the images, and the one that dataset.json names where it does. */
  readonly labelEndings: readonly string[] | null;
  /** Whether a folder may stand in the place of an image file. */
  readonly takesFolders: boolean;
  /** What to do with files of another ending. */
  readonly otherEndings: string;
  /** What a prediction has to know of the reading beyond the options of every layout. */
  readonly reading?: Pick<ImageReading, 'spacingTolerance' | 'series'>;
  /**
   * @param frame - which volume along the fourth axis of an image is the channel; null where each channel is a file, or
   *   there is one
   */
  format(options: NnunetOptions, document: DatasetDocument, frame: number | null): FormatSource;
}

/** A name without the ending that it has; null where it has none of them. */
export function stemOf(name: string, endings: readonly string[]): string | null {
  const ending = endings.find((candidate) => name.endsWith(candidate));
  return ending === undefined ? null : name.slice(0, -ending.length);
}
