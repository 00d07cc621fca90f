import { type ImageReading, jsonDifferences } from '@dinomix/core';

/** Where a network learned from something that was no file: files are taken as they are. */
const PLAIN: ImageReading = {
  channel: null,
  channelNames: [],
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
  { geometry, frame, replaceNonFinite }: Partial<Pick<ImageReading, 'geometry' | 'frame' | 'replaceNonFinite'>>,
): ImageReading {
  const reading = learned ?? PLAIN;
  return {
    ...reading,
    geometry: geometry ?? reading.geometry,
    frame: frame ?? reading.frame,
    replaceNonFinite: replaceNonFinite ?? reading.replaceNonFinite,
  };
}

/** The reading in words; null where it is nothing but opening the file. @param learned - that of the training */
export function readingText(reading: ImageReading, learned: ImageReading | null): string | null {
  const { channel, channelNames, isHu, frame, geometry, replaceNonFinite, spacingTolerance } = reading;
  const own = channelNames[channel ?? frame ?? 0] ?? null;
  const name = own === null ? '' : ` (${own})`;
  const parts = [
    ...(channel === null ? [] : [`channel ${channel}${name} of each case`]),
    ...(frame === null ? [] : [`volume ${frame}${channel === null ? name : ''}, from 0, along the fourth axis`]),
    ...(channel === null && frame === null && own !== null ? [own] : []),
    ...(isHu ? ['intensities in HU'] : []),
    ...(geometry === null ? [] : [`the ${geometry} where it and the other matrix disagree`]),
    ...(replaceNonFinite === null ? [] : [`${replaceNonFinite} in place of intensities that are not finite`]),
    ...(spacingTolerance === null ? [] : [`DICOM slices up to ${100 * spacingTolerance} % from an even distance`]),
  ];
  const isLearned = jsonDifferences(reading, learned ?? PLAIN).length === 0;
  const how = isLearned ? 'read as in training' : 'read otherwise than in training';
  return parts.length === 0 ? null : `${how}: ${parts.join('; ')}`;
}
