import { createHash } from 'node:crypto';
import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { PreparedVolume } from '@dinomix/core';
import { clearTemporaryFiles, fromFloat16, makeFolder, openSealed, toFloat16, writeSealed } from '@dinomix/volume';
import type { TokenGrid } from '../describe.js';
import { teacherError } from '../errors.js';

/** Raised when the meaning of a file changes. */
const FORMAT = 1;
const SUFFIX = '.safetensors';

/** A file with the tokens of one volume, open for reading. */
export interface TokenFile {
  readonly cells: TokenGrid['cells'];
  readonly channels: number;
  /** Tokens of one layer `[h', w', c]`, read from their place in the file; null where they are not those that were written. */
  layer(z: number): Promise<Float32Array | null>;
  /** Whether all layers are those that were written. */
  isWhole(): Promise<boolean>;
  close(): Promise<void>;
}

interface Found {
  readonly path: string;
  readonly bytes: number;
  readonly used: number;
  /** Whether it is of the present recipe. */
  readonly own: boolean;
}

/** Bytes of the tokens of one volume on the disk. */
export function tokenBytes(cells: TokenGrid['cells'], channels: number): number {
  return 2 * channels * cells[0] * cells[1] * cells[2];
}

/** Largest number of half precision. */
const LARGEST_HALF = 65_504;

/**
 * Makes sure that tokens keep their values in half precision, which those of a transformer always do.
 * @throws DmxError `DMX_TOKEN_CACHE_RANGE`
 */
export function assertHalf({ values }: TokenGrid): void {
  const found = values.find((value) => !(Math.abs(value) <= LARGEST_HALF));
  if (found === undefined) return;
  throw teacherError('DMX_TOKEN_CACHE_RANGE', {
    summary: 'The token cache cannot hold what the teacher computes',
    why: `The model gave the value ${found}, and the cache keeps half precision, which ends at ${LARGEST_HALF}.`,
    fix: 'Set the option "cache" of the teacher to false, or take another output of the model ("output").',
  });
}

/**
 * sha256 (hexadecimal) of a volume: its shape and its intensities after normalisation, in half precision, which prepared
 * volumes may have been stored in.
 */
export function volumeDigest(image: Float32Array, shape: TokenGrid['cells']): string {
  return createHash('sha256').update(JSON.stringify(shape)).update(toFloat16(image)).digest('hex');
}

/**
 * Files of tokens, half precision, one tensor for each layer, so that the header is an index and layers are read from
 * their places. A file is named by the digests of the volume and of the recipe (weights, slicing, intensity window): tokens
 * of other weights have other names. Each file is there whole or not at all, so that filling goes on where it ended.
 */
export class TokenFiles {
  readonly directory: string;
  readonly #recipe: string;
  readonly #limit: number;
  /** Files of this run; they are not removed to make room. */
  readonly #inUse = new Set<string>();
  /** Ends with the last write that was asked for: the limit is looked at by one after the other. */
  #writes: Promise<unknown> = Promise.resolve();

  /** @param limit - bytes of all files of the folder, those of other recipes included. */
  constructor(directory: string, recipe: string, limit: number) {
    this.directory = directory;
    this.#recipe = createHash('sha256').update(`${FORMAT} ${recipe}`).digest('hex');
    this.#limit = limit;
  }

  #path(volume: string): string {
    return join(this.directory, `${this.#recipe.slice(0, 16)}-${volume.slice(0, 32)}${SUFFIX}`);
  }

  /**
   * The tokens of a volume; null where there are none, or a file whose header is damaged, which is removed. Each layer is
   * compared with its digest when it is read.
   */
  async open(volume: string, cells: TokenGrid['cells'], channels: number): Promise<TokenFile | null> {
    const path = this.#path(volume);
    if ((await stat(path).catch(() => null)) === null) return null;
    const file = await openSealed(path).catch(() => null);
    const { metadata } = file ?? {};
    const whole = metadata?.recipe === this.#recipe && metadata.volume === volume;
    const fits =
      file?.entries.size === cells[0] && file.entries.get('0')?.shape.join() === [cells[1], cells[2], channels].join();
    if (file === null || !whole || !fits) {
      await file?.close();
      await rm(path, { force: true });
      return null;
    }
    this.#inUse.add(path);
    const now = new Date();
    await utimes(path, now, now).catch(() => undefined);
    const stored = (z: number) => file.read(String(z)).catch(() => null);
    return {
      cells,
      channels,
      layer: async (z) => {
        const layer = await stored(z);
        return layer === null ? null : fromFloat16(layer.data as Uint16Array);
      },
      isWhole: async () => {
        for (let z = 0; z < cells[0]; z++) if ((await stored(z)) === null) return false;
        return true;
      },
      close: () => file.close(),
    };
  }

  /**
   * Writes the tokens of a volume, after removing the files that were not used longest where the limit asks for it, those of
   * other recipes first.
   * @returns false when the files of this run leave no room.
   * @throws VolumeError `DMX_FILE_WRITE`; nothing half-written is left.
   */
  write(volume: string, grid: TokenGrid, caseId: string): Promise<boolean> {
    const written = this.#writes.then(() => this.#write(volume, grid, caseId));
    this.#writes = written.catch(() => undefined);
    return written;
  }

  async #write(volume: string, { cells, channels, values }: TokenGrid, caseId: string): Promise<boolean> {
    await makeFolder(this.directory);
    if (!(await this.#makeRoom(tokenBytes(cells, channels)))) return false;
    const path = this.#path(volume);
    const size = cells[1] * cells[2] * channels;
    const layers = Array.from({ length: cells[0] }, (_, z) => {
      const data = toFloat16(values.subarray(z * size, (z + 1) * size));
      return [String(z), { dtype: 'F16', shape: [cells[1], cells[2], channels], data }] as const;
    });
    await writeSealed(path, new Map(layers), { recipe: this.#recipe, volume, case: caseId });
    this.#inUse.add(path);
    return true;
  }

  /**
   * Bytes of the files of this recipe by the case that they were written for. Whether they are of its present volume is
   * looked at for one of the cases: data that are prepared differently change all of them.
   * @param volume - the whole volume of a case.
   */
  async held(
    cases: readonly string[],
    volume: (caseId: string) => Promise<PreparedVolume>,
  ): Promise<ReadonlyMap<string, number>> {
    const bytesOf = new Map<string, number>();
    const digests = new Set<string>();
    for (const { path, bytes, own } of await this.#list()) {
      if (!own) continue;
      const file = await openSealed(path).catch(() => null);
      const { recipe, case: caseId, volume: digest } = file?.metadata ?? {};
      await file?.close();
      if (recipe !== this.#recipe || caseId === undefined || digest === undefined) continue;
      bytesOf.set(caseId, bytes);
      digests.add(digest);
    }
    const first = cases.find((caseId) => bytesOf.has(caseId));
    if (first === undefined) return bytesOf;
    const { image, shape } = await volume(first);
    return digests.has(volumeDigest(image, shape)) ? bytesOf : new Map();
  }

  /** Number of files of other recipes. */
  async others(): Promise<number> {
    return (await this.#list()).filter(({ own }) => !own).length;
  }

  /** Removes a file that turned out to be damaged after it was opened. */
  async remove(volume: string): Promise<void> {
    await rm(this.#path(volume), { force: true });
  }

  /** Removes what processes that were killed left half-written. */
  sweep(): Promise<void> {
    return clearTemporaryFiles(this.directory);
  }

  #names(): Promise<readonly string[]> {
    return readdir(this.directory).catch(() => []);
  }

  async #list(): Promise<readonly Found[]> {
    const files: Found[] = [];
    for (const name of await this.#names()) {
      const path = join(this.directory, name);
      const found = name.endsWith(SUFFIX) ? await stat(path).catch(() => null) : null;
      const own = name.startsWith(this.#recipe.slice(0, 16));
      if (found !== null) files.push({ path, bytes: found.size, used: found.mtimeMs, own });
    }
    return files;
  }

  async #makeRoom(bytes: number): Promise<boolean> {
    const files = await this.#list();
    let total = files.reduce((sum, file) => sum + file.bytes, bytes);
    const removable = files
      .filter(({ path }) => !this.#inUse.has(path))
      .sort((a, b) => Number(a.own) - Number(b.own) || a.used - b.used);
    const kept = files.filter(({ path }) => this.#inUse.has(path)).reduce((sum, file) => sum + file.bytes, bytes);
    if (kept > this.#limit) return false;
    for (const file of removable) {
      if (total <= this.#limit) break;
      await rm(file.path, { force: true });
      total -= file.bytes;
    }
    return true;
  }
}
