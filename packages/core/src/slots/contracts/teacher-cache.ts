import type { Index3 } from './common.js';
import type { Normalisation, PreparedVolume } from './dataset.js';
import type { BatchPart } from './views.js';

/** Handed to a teacher that fills its cache before any run. */
export interface TeacherCacheContext {
  /** Cases by the part of the batch that they are drawn for. */
  readonly splits: Readonly<Record<BatchPart, readonly string[]>>;
  readonly normalisation: Normalisation;
  /** Training crop `[d, h, w]`, voxels. */
  readonly patch: Index3;
  /** Folder for caches that survive a run; created on demand. */
  readonly cacheDirectory: string;
  /** The whole volume of a case. */
  volume(caseId: string): Promise<PreparedVolume>;
  /** Threads that compute; 0 computes in the calling thread. */
  readonly workers: number;
  readonly signal: AbortSignal;
}

/** What filling a cache will take. Of volumes that are missing, one was looked at; the others are taken to be like it. */
export interface TeacherCachePlan {
  readonly directory: string;
  /** Which weights the teacher has. */
  readonly provenance: string;
  /** Every case that runs would ask about. */
  readonly cases: readonly string[];
  /** Those that are there already. */
  readonly present: readonly string[];
  /** Voxels `[d, h, w]` of the volume that was looked at; null where none is missing. */
  readonly shape: Index3 | null;
  readonly bytesPerVolume: number;
  readonly secondsPerVolume: number;
  /** Bytes of all cases, those that are there included. */
  readonly bytes: number;
  /** Seconds that the missing cases take with the workers at hand. */
  readonly seconds: number;
  /** Bytes that the options allow for all files of the folder. */
  readonly limitBytes: number;
  /** Bytes that the disk has left. */
  readonly freeBytes: number;
}

/** A cache on its way. */
export interface TeacherCacheFill {
  readonly plan: TeacherCachePlan;
  /** Makes sure that what is kept of a case is there, whole. May be asked about several cases at once. */
  fill(caseId: string): Promise<'kept' | 'computed'>;
  dispose(): Promise<void>;
}

/** What a teacher can do beside teaching when it keeps what it computes of whole volumes. */
export interface CachingTeacher {
  /**
   * Prepares to fill, without a run, what `Teacher.predict` would otherwise compute of whole volumes and keep; null where
   * the options keep nothing. The teacher is not opened.
   */
  openCacheFill(ctx: TeacherCacheContext): Promise<TeacherCacheFill | null>;
}
