import type { Network } from '@dinomix/core';

/** What says the class probabilities of windows, batch by batch. */
export interface HostNetwork extends Pick<Network, 'run'> {
  /** What `run` returns per voxel `[k]`. */
  readonly output: 'logits' | 'probabilities';
  readonly classCount: number;
  /** Windows of every call; an incomplete one is filled up with zeros, so that one graph serves all. */
  readonly batch: number;
}
