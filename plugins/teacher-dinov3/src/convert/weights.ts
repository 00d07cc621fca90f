import { fromFloat16, type Tensor } from '@dinomix/volume';
import { teacherError } from '../errors.js';
import { parametersOf, type VitArchitecture } from '../vit/architecture.js';
import type { VitWeights } from '../vit/build.js';
import { architectureOfShapes } from './config.js';
import { type KeyMap, mapKeys, type Place } from './names.js';
import type { StoredTensors } from './shards.js';

/** An open file with the parameters of a DINOv3 vision transformer. */
export interface StoredVit {
  readonly architecture: VitArchitecture;
  readonly weights: VitWeights;
}

/** Element types that hold weights. */
const FLOATS: readonly string[] = ['F32', 'F16', 'BF16', 'F64'];
const TILE = 32;

function listed(lines: readonly string[]): string {
  return lines.map((line) => `\n${line}`).join('');
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((side, axis) => side === b[axis]);
}

function toFloat32({ dtype, data }: Tensor): Float32Array {
  if (dtype === 'F32') return data;
  if (dtype === 'F16') return fromFloat16(data);
  if (dtype === 'BF16') {
    // bfloat16 is the upper half of a float32.
    return new Float32Array(Uint32Array.from(data, (bits) => bits << 16).buffer);
  }
  return Float32Array.from(data as Float64Array);
}

/** `[rows, columns]` → `[columns, rows]`, tile by tile, so that both sides stay in the cache. */
export function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let top = 0; top < rows; top += TILE) {
    for (let left = 0; left < columns; left += TILE) {
      const [bottom, right] = [Math.min(top + TILE, rows), Math.min(left + TILE, columns)];
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) result[column * rows + row] = values[row * columns + column]!;
      }
    }
  }
  return result;
}

class StoredParameters {
  readonly #file: StoredTensors;
  readonly #path: string;
  readonly #places: ReadonlyMap<string, Place>;
  /** The tensor read last: the thirds of a joint projection follow one another. */
  #last: { readonly key: string; readonly values: Float32Array } | null = null;

  constructor(file: StoredTensors, path: string, places: ReadonlyMap<string, Place>) {
    this.#file = file;
    this.#path = path;
    this.#places = places;
  }

  shapeOf(name: string): readonly number[] | null {
    const place = this.#places.get(name);
    if (place === undefined) return null;
    const { shape } = this.#file.entries.get(place.key)!;
    return place.third === null ? shape : [(shape[0] ?? 0) / 3, ...shape.slice(1)];
  }

  async values(name: string): Promise<Float32Array> {
    const { key, third } = this.#places.get(name)!;
    const values = await this.#tensor(key);
    if (third === null) return values;
    const part = values.length / 3;
    return values.slice(third * part, (third + 1) * part);
  }

  async #tensor(key: string): Promise<Float32Array> {
    if (this.#last?.key === key) return this.#last.values;
    const values = toFloat32(await this.#file.read(key));
    const wrong = values.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) {
      throw teacherError('DMX_DINOV3_VALUES', {
        summary: `${this.#path} holds a weight that is no number`,
        why: `Value ${wrong} of "${key}" is ${values[wrong]}.`,
        fix: 'The file is damaged, or its training has failed: download it again or take another one.',
      });
    }
    this.#last = { key, values };
    return values;
  }
}

/** @throws DmxError `DMX_DINOV3_KEYS` that lists everything that is missing, too much, or of another shape or type. */
function checkParameters(
  architecture: VitArchitecture,
  file: StoredTensors,
  path: string,
  map: KeyMap,
  shapeOf: (name: string) => readonly number[] | null,
): void {
  const expected = new Map(parametersOf(architecture).map((parameter) => [parameter.name, parameter]));
  const lines: string[] = [];
  for (const { name, shape, required } of expected.values()) {
    const found = shapeOf(name);
    if (found === null) {
      if (required) lines.push(`missing: ${name} [${shape.join(', ')}]`);
    } else if (!sameShape(found, shape)) {
      lines.push(`shape: ${name} is [${found.join(', ')}], expected [${shape.join(', ')}]`);
    }
  }
  for (const [name, { key }] of map.places) {
    if (!expected.has(name)) lines.push(`extra: ${key}`);
    const { dtype } = file.entries.get(key)!;
    if (!FLOATS.includes(dtype)) lines.push(`type: ${key} is ${dtype}, expected one of ${FLOATS.join(', ')}`);
  }
  for (const key of map.extra) lines.push(`extra: ${key}`);
  if (lines.length === 0) return;
  const { channels, blocks, heads, hidden, gated } = architecture;
  const what = `${blocks} blocks of width ${channels}, ${heads} heads, ${gated ? 'SwiGLU' : 'GELU'} MLP of ${hidden}`;
  throw teacherError('DMX_DINOV3_KEYS', {
    summary: `The tensors of ${path} are not those of this DINOv3 model`,
    why: `The architecture is ${what}. Names are those of transformers:${listed(lines)}`,
    fix: 'Take weights and config.json from the same model; fine-tuned models need their backbone alone, without heads.',
  });
}

/**
 * Finds the parameters of a DINOv3 model in an open safetensors file. Values are read one tensor at a time.
 * @param config - from config.json; null reads a released size from the shapes.
 * @throws DmxError `DMX_DINOV3_ARCHITECTURE`, `DMX_DINOV3_KEYS`; reading throws `DMX_DINOV3_VALUES` for a NaN or infinity.
 */
export function storedVit(file: StoredTensors, path: string, config: VitArchitecture | null): StoredVit {
  const map = mapKeys(file.entries.keys());
  const parameters = new StoredParameters(file, path, map.places);
  const shapeOf = (name: string) => parameters.shapeOf(name);
  const architecture = config ?? architectureOfShapes(map.places.keys(), shapeOf, path);
  checkParameters(architecture, file, path, map, shapeOf);
  const weights: VitWeights = {
    has: (name) => map.places.has(name),
    values: (name) => parameters.values(name),
    matrix: async (name, from, to) => transposed(await parameters.values(name), to, from),
  };
  return { architecture, weights };
}
