import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openSafetensors, readRegularFile, type SafetensorsFile } from '@dinomix/volume';
import { z } from 'zod';
import { teacherError } from '../errors.js';

/** Tensors of one file, or of the shards of one model. */
export type StoredTensors = Pick<SafetensorsFile, 'entries' | 'read' | 'close'>;

/** Name of the file that says in which shard each tensor is. */
export const INDEX = 'model.safetensors.index.json';
const SUFFIX = '.index.json';

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

function damaged(index: string, why: string, cause?: unknown): Error {
  return teacherError('DMX_DINOV3_SHARDS', {
    summary: `${index} does not lead to the weights`,
    why,
    fix: 'Take the index and all its shards from the same model, into one folder.',
    cause,
  });
}

const some = (names: readonly string[]): string =>
  `${names.slice(0, 5).join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;

async function readIndex(index: string): Promise<ReadonlyMap<string, string>> {
  let map: ReadonlyMap<string, string>;
  try {
    map = new Map(Object.entries(indexSchema.parse(JSON.parse(await readRegularFile(index, 'utf8'))).weight_map));
  } catch (cause) {
    throw damaged(index, 'It is no JSON object with a "weight_map" from tensors to files.', cause);
  }
  const shards = [...new Set(map.values())];
  const outside = shards.find((name) => !/^[\w][\w.-]*\.safetensors$/.test(name));
  if (outside !== undefined) throw damaged(index, `It names "${outside.slice(0, 100)}", which is no shard beside it.`);
  const found = await Promise.all(shards.map((name) => stat(join(dirname(index), name)).catch(() => null)));
  const missing = shards.filter((_, number) => found[number]?.isFile() !== true);
  if (missing.length > 0) throw damaged(index, `Missing beside it: ${some(missing)}.`);
  return map;
}

/** Tensors that the index and the shards do not agree on. */
function disagreements(
  map: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, SafetensorsFile>,
): { readonly missing: readonly string[]; readonly extra: readonly string[] } {
  const missing = [...map].filter(([key, name]) => !shards.get(name)!.entries.has(key)).map(([key]) => key);
  const extra = [...shards].flatMap(([name, { entries }]) =>
    [...entries.keys()].filter((key) => map.get(key) !== name).map((key) => `${key} (${name})`),
  );
  return { missing, extra };
}

async function openShards(index: string): Promise<StoredTensors> {
  const map = await readIndex(index);
  const shards = new Map<string, SafetensorsFile>();
  const close = async (): Promise<void> => {
    for (const file of shards.values()) await file.close();
  };
  try {
    for (const name of new Set(map.values())) shards.set(name, await openSafetensors(join(dirname(index), name)));
    const { missing, extra } = disagreements(map, shards);
    if (missing.length > 0) throw damaged(index, `Its shards do not hold ${some(missing)}.`);
    if (extra.length > 0) throw damaged(index, `It does not name ${some(extra)}.`);
  } catch (error) {
    await close();
    throw error;
  }
  const shardOf = (key: string): SafetensorsFile => shards.get(map.get(key)!)!;
  const entries = new Map([...map.keys()].map((key) => [key, shardOf(key).entries.get(key)!]));
  return { entries, read: (key) => shardOf(key).read(key), close };
}

/**
 * Opens a .safetensors file, or all shards of an index.
 * @throws DmxError `DMX_DINOV3_SHARDS` where index and shards do not fit; VolumeError `DMX_SAFETENSORS_*`, `DMX_FILE_READ`.
 */
export function openTensors(path: string): Promise<StoredTensors> {
  return path.endsWith(SUFFIX) ? openShards(path) : openSafetensors(path);
}
