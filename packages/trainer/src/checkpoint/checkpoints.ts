import { mkdir, readdir, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { reasonOf } from '@dinomix/core';
import {
  readRegularFile,
  readSafetensors,
  type Tensor as StoredTensor,
  writeFileAtomic,
  writeSafetensors,
} from '@dinomix/volume';
import { z } from 'zod';
import { trainerError } from '../errors.js';
import { type CheckpointJson, type CheckpointState, decodeState, encodeState } from './state.js';

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
  readLatest(
    onDamaged: (problem: string) => void,
  ): Promise<{ readonly path: string; readonly state: CheckpointState } | null>;
  /** The best checkpoint, as the newest says that is whole; null when there was none. @throws DMX_CHECKPOINT_READ. */
  readBest(): Promise<{ readonly path: string; readonly state: CheckpointState } | null>;
}

const NAME = /^checkpoint-\d{8}\.json$/;

const object = z.record(z.string(), z.json());
const checkpointSchema = z.object({
  format: z.literal(1),
  tensors: z.string().regex(/^checkpoint-\d{8}\.safetensors$/),
  run: z.object({ id: z.string(), seed: z.number(), configHash: z.string() }),
  step: z.int().min(0),
  progress: object,
  slots: z.record(z.string(), object),
  plugins: z.record(z.string(), object),
  best: z
    .string()
    .regex(/^checkpoint-\d{8}$/)
    .nullable(),
});

/** Reads both files of a checkpoint. @param path - without extension. @throws DMX_CHECKPOINT_READ. */
export async function readCheckpoint(path: string): Promise<CheckpointState> {
  try {
    const json = checkpointSchema.parse(JSON.parse(await readRegularFile(`${path}.json`, 'utf8'))) as CheckpointJson;
    const file = await readSafetensors(join(path, '..', json.tensors));
    if (file.metadata.step !== String(json.step) || file.metadata.run !== json.run.id) {
      throw new Error(`${json.tensors} belongs to step ${file.metadata.step} of run ${file.metadata.run}`);
    }
    const tensors = new Map<string, StoredTensor>();
    for (const name of file.entries.keys()) tensors.set(name, file.tensor(name));
    return decodeState(json, tensors);
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
  try {
    return checkpointSchema.parse(JSON.parse(await readRegularFile(join(folder, `${name}.json`), 'utf8'))).best;
  } catch {
    return undefined;
  }
}

/** The best as the newest checkpoint says whose JSON can be read. */
async function bestName(folder: string): Promise<string | null> {
  for (const name of (await namesIn(folder)).reverse()) {
    const best = await bestOf(folder, name);
    if (best !== undefined) return best;
  }
  return null;
}

/** Name of the checkpoint that a run is known by: the best, or the newest where none was chosen; null without any. */
export async function bestCheckpoint(directory: string): Promise<string | null> {
  const folder = checkpointFolder(directory);
  return (await bestName(folder)) ?? (await namesIn(folder)).at(-1) ?? null;
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
        await mkdir(folder, { recursive: true });
        const best = isBest ? name : await bestName(folder);
        const { json, tensors } = encodeState(state, `${name}.safetensors`, best);
        await writeSafetensors(`${path}.safetensors`, tensors, { run: state.run.id, step: String(state.step) });
        await writeFileAtomic(`${path}.json`, `${JSON.stringify(json, null, 2)}\n`);
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
          return { path, state: await readCheckpoint(path) };
        } catch (thrown) {
          onDamaged(reasonOf(thrown));
        }
      }
      return null;
    },
    async readBest() {
      const name = await bestName(folder);
      if (name === null) return null;
      const path = join(folder, name);
      return { path, state: await readCheckpoint(path) };
    },
  };
}
