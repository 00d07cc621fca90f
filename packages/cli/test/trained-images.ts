import type { ImageReading } from '@dinomix/core';

/** Reading that a network learned from: the channel of a file for each, in no particular unit. */
export const READING: ImageReading = {
  channel: 0,
  channelNames: [],
  isHu: false,
  frame: null,
  geometry: null,
  replaceNonFinite: null,
  spacingTolerance: null,
  series: {},
};

/** A network that was trained on images of every size. */
export const ANY_IMAGES = {
  reading: READING,
  axes: null,
  spacing: [
    [0.01, 0.01, 0.01],
    [50, 50, 50],
  ],
  extent: [
    [0.01, 0.01, 0.01],
    [5000, 5000, 5000],
  ],
} as const;
