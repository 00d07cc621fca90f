import type { Batch, BatchPart, Crop } from '@dinomix/core';

/** A part of the batch on the host. */
export interface HostPart {
  readonly crops: readonly Crop[];
  /** `[b, d, h, w]`. */
  readonly data: Float32Array;
}

/** Host parts of the batch by name. */
export type HostParts = Readonly<Partial<Record<BatchPart, HostPart>>>;

/** The host parts of a batch. */
export function hostParts({ labelled, unlabelled }: Batch): HostParts {
  return {
    labelled: { crops: labelled.crops, data: labelled.image },
    ...(unlabelled === null ? {} : { unlabelled: { crops: unlabelled.crops, data: unlabelled.image } }),
  };
}
