import type { ImageReading } from '@dinomix/core';

/** Where a network learned from something that was no file: files are taken as they are. */
const PLAIN: ImageReading = {
  channel: null,
  channelName: null,
  isHu: false,
  frame: null,
  geometry: null,
  replaceNonFinite: null,
  spacingTolerance: null,
  series: {},
};

/** How images are read: as in training, but for what the command line says. */
export function readingOf(
  learned: ImageReading | null,
  { geometry, frame }: Partial<Pick<ImageReading, 'geometry' | 'frame'>>,
): ImageReading {
  const reading = learned ?? PLAIN;
  return { ...reading, geometry: geometry ?? reading.geometry, frame: frame ?? reading.frame };
}

/** The reading in words; null where it is nothing but opening the file. */
export function readingText(reading: ImageReading): string | null {
  const { channel, channelName, isHu, frame, geometry, replaceNonFinite, spacingTolerance } = reading;
  const name = channelName === null ? '' : ` (${channelName})`;
  const parts = [
    ...(channel === null ? [] : [`channel ${channel}${name} of each case`]),
    ...(frame === null ? [] : [`volume ${frame}${channel === null ? name : ''}, from 0, along the fourth axis`]),
    ...(channel === null && frame === null && channelName !== null ? [channelName] : []),
    ...(isHu ? ['intensities in HU'] : []),
    ...(geometry === null ? [] : [`the ${geometry} where it and the other matrix disagree`]),
    ...(replaceNonFinite === null ? [] : [`${replaceNonFinite} in place of intensities that are not finite`]),
    ...(spacingTolerance === null ? [] : [`DICOM slices up to ${100 * spacingTolerance} % from an even distance`]),
  ];
  return parts.length === 0 ? null : `read as in training: ${parts.join('; ')}`;
}
