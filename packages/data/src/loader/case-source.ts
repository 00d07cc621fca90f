import type { CaseReader, Preprocessing, WorkerSource } from '@dinomix/core';

/** What the workers need of a data set. */
export interface CaseSource {
  readonly reader: CaseReader;
  readonly workerSource: WorkerSource;
  readonly preprocessing: Preprocessing;
  readonly classCount: number;
  /** Folder of prepared files; absent or null keeps none. */
  readonly cache?: string | null;
}
