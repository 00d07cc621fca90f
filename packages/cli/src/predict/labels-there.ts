import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { reasonOf } from '@dinomix/core';
import { readNiftiInfo } from '@dinomix/volume';
import { usageError } from '../errors.js';
import type { PredictionPair } from './files.js';

/** Tells labels of one network and its settings from those of others, within the 79 characters of a NIfTI description. */
export function markOf(...decisive: readonly unknown[]): string {
  return `DinoMix labels ${createHash('sha256').update(JSON.stringify(decisive)).digest('hex').slice(0, 32)}`;
}

/** The pairs that are still to be predicted, and the labels that are there already. */
export interface Continued {
  readonly left: readonly PredictionPair[];
  readonly there: readonly string[];
  /** Those of them that do not tell what wrote them. */
  readonly unmarked: readonly string[];
}

/** @throws DMX_CLI_OPTIONS for labels of another network or other settings: the two would stand side by side. */
async function assertOurs(file: string, mark: string): Promise<void> {
  const found = await readNiftiInfo(file).then(
    ({ header }) => header.description,
    (thrown: unknown) => reasonOf(thrown),
  );
  if (found === mark) return;
  const problem = `${file} was not written by this network with these settings (its description: "${found}").`;
  const fix = 'Give another folder with --out, or --force without --continue to predict everything again.';
  throw usageError('DMX_CLI_OPTIONS', { problem, fix });
}

/** Sorts out what an earlier prediction left to do. */
export async function continuePairs(pairs: readonly PredictionPair[], mark: string): Promise<Continued> {
  const there = pairs.filter(({ output }) => existsSync(output));
  const marked = there.filter(({ format }) => format === 'nifti');
  for (const { output } of marked) await assertOurs(output, mark);
  return {
    left: pairs.filter((pair) => !there.includes(pair)),
    there: there.map(({ output }) => output),
    unmarked: there.filter((pair) => !marked.includes(pair)).map(({ output }) => output),
  };
}
