import { type Crop, type Index3, type PreparedVolume, reasonOf } from '@dinomix/core';
import { fromFloat16, toFloat16 } from '@dinomix/volume';
import type { Describer, TokenGrid } from '../describe.js';
import { sampleTokens } from './sample.js';
import { assertHalf, type TokenFile, type TokenFiles, volumeDigest } from './token-files.js';

/** What a cache works with. */
export interface CacheMaterial {
  readonly describer: Describer;
  readonly files: TokenFiles;
  /** The whole volume of a case, as crops are cut from it. */
  volume(caseId: string): Promise<PreparedVolume>;
  /** Bytes of layers kept in memory. */
  readonly memory: number;
  warn(message: string): void;
}

/** What is known of a volume. */
interface Entry {
  readonly shape: Index3;
  readonly cells: Index3;
  /** Null where the tokens could not be kept on the disk. */
  readonly file: TokenFile | null;
}

/**
 * Tokens of crops out of those of their whole volumes. The tokens of a volume are computed when it is first asked for and
 * kept on the disk; where that fails they are computed again whenever memory has lost them, so that the tokens of a crop do
 * not depend on the room that there is.
 */
export class CachedTokens {
  readonly #material: CacheMaterial;
  readonly #entries = new Map<string, Entry>();
  /** Layers by case and number, least recently used first. */
  readonly #layers = new Map<string, Float32Array>();
  /** Files in use, and damaged ones that a crop under way may still read from. */
  readonly #opened = new Set<TokenFile>();
  #held = 0;
  #writes = true;

  constructor(material: CacheMaterial) {
    this.#material = material;
  }

  /**
   * Fills the token grid of a crop.
   * @param patch - voxels of the crop.
   * @param cells - cells of its grid.
   * @param out - `[d', h', w', c]`.
   */
  async fill(crop: Crop, patch: Index3, cells: Index3, out: Float32Array, signal: AbortSignal): Promise<void> {
    const { shape, cells: all, file } = await this.#entry(crop.caseId, signal);
    const { channels } = this.#material.describer;
    const layer = (z: number): Promise<Float32Array> => this.#layer(crop.caseId, z, file, signal);
    await sampleTokens({ shape, cells: all, channels, layer }, crop, patch, cells, out);
  }

  /** Mean over the tokens of all these volumes `[c]`, in double precision. Those that are not there yet are computed. */
  async mean(cases: readonly string[], signal: AbortSignal): Promise<Float64Array> {
    const { channels } = this.#material.describer;
    const sums = new Float64Array(channels);
    let count = 0;
    for (const caseId of cases) {
      signal.throwIfAborted();
      const { cells, file } = await this.#entry(caseId, signal);
      for (let z = 0; z < cells[0]; z++) {
        const layer = await this.#layer(caseId, z, file, signal);
        for (const [index, value] of layer.entries()) sums[index % channels]! += value;
        count += layer.length / channels;
      }
    }
    return sums.map((sum) => sum / count);
  }

  async dispose(): Promise<void> {
    for (const file of this.#opened) await file.close();
    this.#opened.clear();
    this.#entries.clear();
    this.#layers.clear();
  }

  async #entry(caseId: string, signal: AbortSignal): Promise<Entry> {
    const known = this.#entries.get(caseId);
    if (known !== undefined) return known;
    const { describer, files, volume } = this.#material;
    const { shape, image } = await volume(caseId);
    const digest = volumeDigest(image, shape);
    const cells = await describer.cells(shape);
    let file = await files.open(digest, cells, describer.channels);
    if (file === null) {
      const grid = await describer.describe(image, shape, signal);
      assertHalf(grid);
      file = (await this.#keep(digest, grid, caseId)) ? await files.open(digest, cells, describer.channels) : null;
      this.#remember(caseId, grid);
    }
    if (file !== null) this.#opened.add(file);
    const entry = { shape, cells, file };
    this.#entries.set(caseId, entry);
    return entry;
  }

  /** Computes the tokens of a volume anew whose file turned out to be damaged. @returns its layers. */
  async #replace(caseId: string, signal: AbortSignal): Promise<readonly Float32Array[]> {
    const { describer, files, volume, warn } = this.#material;
    const { shape, image } = await volume(caseId);
    const digest = volumeDigest(image, shape);
    warn(`The tokens of "${caseId}" in ${files.directory} are damaged; they are computed again.`);
    await files.remove(digest);
    const grid = await describer.describe(image, shape, signal);
    const { cells, channels } = grid;
    const file = (await this.#keep(digest, grid, caseId)) ? await files.open(digest, cells, channels) : null;
    if (file !== null) this.#opened.add(file);
    this.#entries.set(caseId, { shape, cells, file });
    return this.#remember(caseId, grid);
  }

  /** Writes the tokens of a volume. @returns false where there is no room, which is said once. */
  async #keep(digest: string, grid: TokenGrid, caseId: string): Promise<boolean> {
    if (!this.#writes) return false;
    const { files, warn } = this.#material;
    let problem = 'its limit (option "cache.limitGb") is reached by the volumes of this run alone';
    try {
      if (await files.write(digest, grid, caseId)) return true;
    } catch (error) {
      problem = reasonOf(error);
    }
    this.#writes = false;
    warn(
      `The token cache in ${files.directory} takes no more volumes: ${problem}. The tokens of the others are computed again ` +
        'and again, which is slow but gives the same results.',
    );
    return false;
  }

  async #layer(caseId: string, z: number, file: TokenFile | null, signal: AbortSignal): Promise<Float32Array> {
    const key = `${caseId}/${z}`;
    const known = this.#layers.get(key);
    if (known !== undefined) {
      this.#layers.delete(key);
      this.#layers.set(key, known);
      return known;
    }
    if (file !== null) {
      const layer = await file.layer(z);
      if (layer === null) return (await this.#replace(caseId, signal))[z]!;
      this.#put(key, layer);
      return layer;
    }
    const { describer, volume } = this.#material;
    const { shape, image } = await volume(caseId);
    return this.#remember(caseId, await describer.describe(image, shape, signal))[z]!;
  }

  /** Puts the layers of a volume into memory, rounded as the disk would have them. */
  #remember(caseId: string, { cells, channels, values }: TokenGrid): readonly Float32Array[] {
    const size = cells[1] * cells[2] * channels;
    return Array.from({ length: cells[0] }, (_, z) => {
      const layer = fromFloat16(toFloat16(values.subarray(z * size, (z + 1) * size)));
      this.#put(`${caseId}/${z}`, layer);
      return layer;
    });
  }

  #put(key: string, layer: Float32Array): void {
    this.#layers.set(key, layer);
    this.#held += layer.byteLength;
    for (const [oldest, { byteLength }] of this.#layers) {
      if (this.#held <= this.#material.memory) return;
      this.#layers.delete(oldest);
      this.#held -= byteLength;
    }
  }
}
