import type { NamedTensors } from './common.js';

/** Part of a batch. */
export type BatchPart = 'labelled' | 'unlabelled';

/** The views of a step. Mixed views exist when a mixer is in use, unlabelled ones when there are unlabelled crops. */
export type ViewName = BatchPart | 'mixed-labelled' | 'mixed-unlabelled';

/** Targets that teachers gave for one student on a clean view. Constants of the tape. */
export interface PseudoTarget<T> {
  /** Class indices int32 `[b, d, h, w]` (argmax). */
  readonly label: T;
  /** Largest probability `[b, d, h, w]`. */
  readonly confidence: T;
  /** `[b, d, h, w, k]`; null where nothing in use that needs probabilities looks at the view. */
  readonly probabilities: T | null;
  /** Weight of each voxel `[b, d, h, w]` as selectors left it; null where none acted: 1 everywhere. */
  readonly weight: T | null;
  /** Named maps `[b, d, h, w, n]` of teachers, such as an uncertainty. */
  readonly maps: NamedTensors<T>;
}
