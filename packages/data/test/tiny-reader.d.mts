import type { CaseReader } from '@dinomix/core';

export declare function createTinyReader(options: {
  readonly shape: readonly number[];
  readonly seed: number;
}): CaseReader;
