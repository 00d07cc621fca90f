import type { Index3 } from '@dinomix/core';

/** Version of what this package writes into an ONNX file beside the graph. */
export const FORMAT = '1';

/** Keys of the file's `metadata_props` that this package writes and reads; the rest belongs to the caller. */
export const KEY = {
  format: 'dinomix.format',
  patch: 'dinomix.patch',
  multiple: 'dinomix.multiple',
  channels: 'dinomix.channels',
  classes: 'dinomix.classes',
  layout: 'dinomix.layout',
} as const;

const RESERVED = 'dinomix.';

/** How the file's input and output lie in memory. */
export const LAYOUT = 'NCDHW';

export interface NetworkFacts {
  /** Crop for which the network was trained, `[d, h, w]`. */
  readonly patch: Index3;
  /** Spatial sizes are multiples of these. */
  readonly multiple: Index3;
  readonly inputChannels: number;
  readonly classCount: number;
}

/** @throws Error when the caller's key belongs to this package. */
export function writeMetadata(facts: NetworkFacts, own: Readonly<Record<string, string>>): Record<string, string> {
  const reserved = Object.keys(own).find((key) => key.startsWith(RESERVED));
  if (reserved !== undefined)
    throw new Error(`the metadata key "${reserved}" begins with "${RESERVED}", which is reserved`);
  return {
    ...own,
    [KEY.format]: FORMAT,
    [KEY.layout]: LAYOUT,
    [KEY.patch]: facts.patch.join(),
    [KEY.multiple]: facts.multiple.join(),
    [KEY.channels]: String(facts.inputChannels),
    [KEY.classes]: String(facts.classCount),
  };
}
