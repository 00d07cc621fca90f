import { readdir, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { reasonOf } from '@dinomix/core';
import { hashJson } from '@dinomix/core/hash-json';
import {
  makeFolder,
  openSealed,
  readRegularFile,
  type Tensor as StoredTensor,
  writeFileAtomic,
  writeSealed,
} from '@dinomix/volume';
import { z } from 'zod';
import { trainerError } from '../errors.js';
import { progressFromJson } from '../run/progress.js';
import { type CheckpointJson, type CheckpointState, decodeState, encodeState } from './state.js';

/** Which checkpoint of a run: the best where one was chosen, else the newest. */
export type CheckpointChoice = 'best' | 'latest';

/** A checkpoint that was read. */
export interface StoredCheckpoint {
  /** Without extension. */
  readonly path: string;
  /** Whether it was taken as the best or as the newest. */
  readonly choice: CheckpointChoice;
  readonly state: CheckpointState;
}

/** The checkpoints of a run folder. */
export interface Checkpoints {
  /**
   * Writes a checkpoint, then removes old ones. Each file appears whole or not at all, the JSON after the tensors, so that a
   * full disk or a kill at any moment leaves the checkpoints before. Which one is the best is part of it: the best is not removed
   * until another is, and no kill can part the two.
   * @param isBest - it is the best so far.
   * @returns its path, without the file extension.
   * @throws DMX_CHECKPOINT_WRITE, DMX_WEIGHTS_NOT_FINITE.
   */
  write(state: CheckpointState, isBest?: boolean): Promise<string>;
  /**
   * The newest checkpoint that can be read; null without any.
   * @param onDamaged - told about newer ones that cannot.
   */
  readLatest(onDamaged: (problem: string) => void): Promise<StoredCheckpoint | null>;
  /**
   * The chosen checkpoint and no other in its place; the newest, by what it says itself, where there was no best. Null without
   * any checkpoint.
   * @throws DMX_CHECKPOINT_READ where it is damaged, or the newest, which says which is the best.
   */
  read(choice: CheckpointChoice): Promise<StoredCheckpoint | null>;
}

const NAME = /^checkpoint-\d{8}\.json$/;

const object = z.record(z.string(), z.json());
const digest = z.string().regex(/^[0-9a-f]{64}$/);
const checkpointSchema = z.object({
  format: z.literal(2),
  tensors: z.object({ file: z.string().regex(/^checkpoint-\d{8}\.safetensors$/), sha256: digest }),
  run: z.object({ id: z.string(), seed: z.number(), configHash: z.string(), dataDigest: z.string() }),
  step: z.int().min(0),
  progress: object,
  slots: z.record(z.string(), object),
  plugins: z.record(z.string(), object),
  best: z
    .string()
    .regex(/^checkpoint-\d{8}$/)
    .nullable(),
});
const sealedSchema = z.looseObject({ sha256: digest });

/** The JSON of a checkpoint, which is believed only with its digest. @throws Error. */
async function readJson(path: string): Promise<CheckpointJson> {
  const { sha256, ...content } = sealedSchema.parse(JSON.parse(await readRegularFile(`${path}.json`, 'utf8')));
  const found = hashJson(content);
  if (found !== sha256) throw new Error(`its JSON has the sha256 ${found}, and was written with ${sha256}`);
  const json = checkpointSchema.parse(content) as CheckpointJson;
  progressFromJson(json.progress, json.step);
  return json;
}

/** Reads both files of a checkpoint. @param path - without extension. @throws DMX_CHECKPOINT_READ. */
export async function readCheckpoint(path: string): Promise<CheckpointState> {
  try {
    const json = await readJson(path);
    const file = await openSealed(join(path, '..', json.tensors.file));
    try {
      if (file.digest !== json.tensors.sha256) {
        throw new Error(`${json.tensors.file} belongs to step ${file.metadata.step} of run ${file.metadata.run}`);
      }
      const tensors = new Map<string, StoredTensor>();
      for (const name of file.entries.keys()) tensors.set(name, await file.read(name));
      return decodeState(json, tensors);
    } finally {
      await file.close();
    }
  } catch (thrown) {
    throw trainerError('DMX_CHECKPOINT_READ', { path, reason: reasonOf(thrown) }, { cause: thrown });
  }
}

function assertFinite({ variables, step }: CheckpointState): void {
  for (const [name, { data }] of variables) {
    for (const value of data) {
      if (!Number.isFinite(value)) throw trainerError('DMX_WEIGHTS_NOT_FINITE', { name, value: String(value), step });
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => NAME.test(name))
    .map((name) => basename(name, '.json'))
    .sort();
}

/** Folder of the checkpoints in a run folder. */
export function checkpointFolder(directory: string): string {
  return join(directory, 'checkpoints');
}

/** Whether the folder has a checkpoint. */
export async function hasCheckpoints(folder: string): Promise<boolean> {
  return (await namesIn(folder)).length > 0;
}

/** What a checkpoint says was the best; undefined where its JSON cannot be read. */
async function bestOf(folder: string, name: string): Promise<string | null | undefined> {
  return readJson(join(folder, name)).then(
    ({ best }) => best,
    () => undefined,
  );
}

/** The best before a checkpoint, as the newest one says whose JSON can be read. */
async function bestBefore(folder: string, next: string): Promise<string | null> {
  for (const name of (await namesIn(folder)).reverse()) {
    const best = name < next ? await bestOf(folder, name) : undefined;
    if (best !== undefined) return best;
  }
  return null;
}

/** Name of the checkpoint that a run is known by: the best, or the newest where none was chosen; null without any. */
export async function bestCheckpoint(directory: string): Promise<string | null> {
  const folder = checkpointFolder(directory);
  const newest = (await namesIn(folder)).at(-1);
  return newest === undefined ? null : ((await bestOf(folder, newest)) ?? newest);
}

/** The JSON goes first: without it the tensors are no checkpoint. */
async function remove(folder: string, name: string): Promise<void> {
  for (const extension of ['json', 'safetensors'])
    await unlink(join(folder, `${name}.${extension}`)).catch(() => undefined);
}

/** @param keep - newest checkpoints kept beside the best. */
export function createCheckpoints(folder: string, keep: number): Checkpoints {
  const prune = async (): Promise<void> => {
    const names = await namesIn(folder);
    const kept = names.slice(-keep);
    // The best of an older one too: where the newest turns out to be damaged, the run goes on from there.
    const bests = await Promise.all(kept.map((name) => bestOf(folder, name)));
    for (const name of names) if (!kept.includes(name) && !bests.includes(name)) await remove(folder, name);
    // What a kill in the middle of a write left behind.
    for (const file of await readdir(folder)) {
      const orphan = file.endsWith('.safetensors') && !names.includes(basename(file, '.safetensors'));
      if (orphan || file.endsWith('.tmp')) await unlink(join(folder, file)).catch(() => undefined);
    }
  };
  return {
    async write(state, isBest = false) {
      assertFinite(state);
      const name = `checkpoint-${String(state.step).padStart(8, '0')}`;
      const path = join(folder, name);
      try {
        await makeFolder(folder);
        const best = isBest ? name : await bestBefore(folder, name);
        const { json, tensors } = encodeState(state, best);
        const file = `${name}.safetensors`;
        const sha256 = await writeSealed(join(folder, file), tensors, { run: state.run.id, step: String(state.step) });
        const content = { ...json, tensors: { file, sha256 } };
        await writeFileAtomic(
          `${path}.json`,
          `${JSON.stringify({ ...content, sha256: hashJson(content) }, null, 2)}\n`,
        );
      } catch (thrown) {
        const last = (await namesIn(folder)).at(-1) ?? null;
        throw trainerError('DMX_CHECKPOINT_WRITE', { path, reason: reasonOf(thrown), last }, { cause: thrown });
      }
      await prune();
      return path;
    },
    async readLatest(onDamaged) {
      for (const name of (await namesIn(folder)).reverse()) {
        const path = join(folder, name);
        try {
          return { path, choice: 'latest', state: await readCheckpoint(path) };
        } catch (thrown) {
          onDamaged(reasonOf(thrown));
        }
      }
      return null;
    },
    async read(choice) {
      const newest = (await namesIn(folder)).at(-1);
      if (newest === undefined) return null;
      const path = join(folder, newest);
      if (choice === 'latest') return { path, choice, state: await readCheckpoint(path) };
      const { best } = await readJson(path).catch((thrown: unknown) => {
        throw trainerError('DMX_CHECKPOINT_READ', { path, reason: reasonOf(thrown) }, { cause: thrown });
      });
      const chosen = join(folder, best ?? newest);
      return { path: chosen, choice: best === null ? 'latest' : 'best', state: await readCheckpoint(chosen) };
    },
  };
}
