import { VolumeError } from './errors.js';
import { philox4x32 } from './philox.js';

/** What a stream of random numbers is for. Two keys that differ anywhere give independent streams. */
export interface RngKey {
  /** The run's seed: an integer from 0 to 2^53 - 1. */
  readonly seed: number;
  /** Name of the stream: one for each plugin and purpose, such as `mixer-pic/box`. */
  readonly stream: string;
  /** Each an integer from 0 to 2^32 - 1; 0 if left out. */
  readonly epoch?: number;
  readonly step?: number;
  readonly item?: number;
}

/** A stream of random numbers that depends on its {@link RngKey} alone. */
export interface Rng {
  /** Returns an integer from 0 to 2^32 - 1. */
  uint32(): number;
  /** Returns a number in [low, high), 53 bits fine. Default [0, 1). */
  uniform(low?: number, high?: number): number;
  /** Returns an integer in [low, high), each equally likely. The range holds at most 2^32 integers. */
  integer(low: number, high: number): number;
  /** Returns a draw from the normal distribution. Default mean 0, standard deviation 1. */
  normal(mean?: number, deviation?: number): number;
  /** Returns true with the given probability. */
  chance(probability: number): boolean;
  /** Puts the items into a random order, in place, and returns them. */
  shuffle<T>(items: T[]): T[];
  /** Returns 0 to length - 1 in a random order. */
  permutation(length: number): number[];
  /** Returns one of the items, with the given relative weights or all equally likely. */
  choice<T>(items: readonly T[], weights?: ArrayLike<number>): T;
  /** Fills the array with draws from the normal distribution. */
  fillNormal(out: Float32Array | Float64Array, mean?: number, deviation?: number): void;
  /** Fills the array with numbers in [low, high). */
  fillUniform(out: Float32Array | Float64Array, low?: number, high?: number): void;
}

/**
 * Returns the random stream of a key.
 *
 * @remarks Philox4x32-10. Seed and stream name make the 64-bit cipher key; epoch, step, item and a block number make
 * the 128-bit counter. Nothing is shared between streams, so that exchanging one part of an experiment leaves the
 * draws of every other part as they were, in whatever thread and order they are made.
 * @throws VolumeError `DMX_VOLUME_ARGUMENT` if a number of the key is out of range.
 */
export function createRng(key: RngKey): Rng {
  return new PhiloxRng(key);
}

/** Returns the named part of a wider purpose: the same key with `name` appended to its stream. */
export function subStream(key: RngKey, name: string): RngKey {
  return { ...key, stream: `${key.stream}/${name}` };
}

function assertInteger(name: string, value: number, limit: number): void {
  if (Number.isInteger(value) && value >= 0 && value < limit) return;
  throw new VolumeError('DMX_VOLUME_ARGUMENT', {
    problem: `random stream: ${name} is ${value}`,
    fix: `pass an integer from 0 to ${limit - 1}`,
  });
}

function requireArgument(holds: boolean, problem: string, fix: string): void {
  if (!holds) throw new VolumeError('DMX_VOLUME_ARGUMENT', { problem: `random stream: ${problem}`, fix });
}

// The name's UTF-8 bytes are absorbed 16 at a time by the seeded cipher (CBC-MAC with the length in the first block),
// which makes equal keys for different names as unlikely as for random 64-bit numbers.
function cipherKey(seed: number, stream: string): Uint32Array {
  const seedKey = Uint32Array.of(seed % 2 ** 32, Math.floor(seed / 2 ** 32));
  const name = Buffer.from(stream, 'utf8');
  const padded = Buffer.alloc(Math.ceil(name.length / 16) * 16);
  name.copy(padded);
  const state = Uint32Array.of(name.length, 0, 0, 0);
  philox4x32(state, seedKey, state);
  for (let offset = 0; offset < padded.length; offset += 16) {
    for (let word = 0; word < 4; word++) state[word] = state[word]! ^ padded.readUInt32LE(offset + 4 * word);
    philox4x32(state, seedKey, state);
  }
  return state.slice(0, 2);
}

class PhiloxRng implements Rng {
  private readonly key: Uint32Array;
  private readonly counter: Uint32Array;
  private readonly block = new Uint32Array(4);
  private used = 4;
  private spareNormal = Number.NaN;

  constructor(key: RngKey) {
    const { seed, stream, epoch = 0, step = 0, item = 0 } = key;
    assertInteger('seed', seed, 2 ** 53);
    assertInteger('epoch', epoch, 2 ** 32);
    assertInteger('step', step, 2 ** 32);
    assertInteger('item', item, 2 ** 32);
    this.key = cipherKey(seed, stream);
    this.counter = Uint32Array.of(0, item, step, epoch);
  }

  uint32(): number {
    if (this.used === 4) {
      philox4x32(this.counter, this.key, this.block);
      this.counter[0] = this.counter[0]! + 1;
      requireArgument(this.counter[0] !== 0, 'all 2^34 words are used', 'take another item number for the rest');
      this.used = 0;
    }
    return this.block[this.used++]!;
  }

  uniform(low = 0, high = 1): number {
    const fraction = ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) * 2 ** -53;
    const value = low + (high - low) * fraction;
    // Rounding can reach the upper end of a range other than [0, 1).
    return value < high || low === high ? value : low;
  }

  integer(low: number, high: number): number {
    const range = high - low;
    requireArgument(
      Number.isSafeInteger(low) && Number.isSafeInteger(high) && range >= 1 && range <= 2 ** 32,
      `no integers to draw from in [${low}, ${high})`,
      'pass integers low < high, at most 2^32 apart',
    );
    // Words above the largest multiple of the range would favour the low values; they are drawn again.
    const limit = 2 ** 32 - (2 ** 32 % range);
    let word = this.uint32();
    while (word >= limit) word = this.uint32();
    return low + (word % range);
  }

  normal(mean = 0, deviation = 1): number {
    if (!Number.isNaN(this.spareNormal)) {
      const spare = this.spareNormal;
      this.spareNormal = Number.NaN;
      return mean + deviation * spare;
    }
    // Marsaglia and Bray 1964: a point in the unit disc. No sine, whose last bit differs between versions of V8.
    let x: number;
    let y: number;
    let square: number;
    do {
      x = 2 * this.uniform() - 1;
      y = 2 * this.uniform() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const scale = Math.sqrt((-2 * Math.log(square)) / square);
    this.spareNormal = y * scale;
    return mean + deviation * x * scale;
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  shuffle<T>(items: T[]): T[] {
    // Fisher and Yates, from the end.
    for (let last = items.length - 1; last > 0; last--) {
      const other = this.integer(0, last + 1);
      const moved = items[last] as T;
      items[last] = items[other] as T;
      items[other] = moved;
    }
    return items;
  }

  permutation(length: number): number[] {
    return this.shuffle(Array.from({ length }, (_, index) => index));
  }

  choice<T>(items: readonly T[], weights?: ArrayLike<number>): T {
    requireArgument(items.length > 0, 'no items to choose from', 'pass at least one item');
    if (weights === undefined) return items[this.integer(0, items.length)] as T;
    return items[this.weightedIndex(items.length, weights)] as T;
  }

  fillNormal(out: Float32Array | Float64Array, mean = 0, deviation = 1): void {
    for (let index = 0; index < out.length; index++) out[index] = this.normal(mean, deviation);
  }

  fillUniform(out: Float32Array | Float64Array, low = 0, high = 1): void {
    for (let index = 0; index < out.length; index++) out[index] = this.uniform(low, high);
  }

  private weightedIndex(length: number, weights: ArrayLike<number>): number {
    let total = 0;
    let lastPossible = -1;
    for (let index = 0; index < weights.length; index++) {
      const weight = weights[index]!;
      requireArgument(weight >= 0, `weight ${index} is ${weight}`, 'pass weights that are not negative');
      if (weight > 0) lastPossible = index;
      total += weight;
    }
    requireArgument(
      weights.length === length && total > 0 && Number.isFinite(total),
      `${weights.length} weights with the sum ${total} for ${length} items`,
      'pass one finite weight for each item, at least one above zero',
    );
    let rest = this.uniform() * total;
    for (let index = 0; index < lastPossible; index++) {
      rest -= weights[index]!;
      if (rest < 0) return index;
    }
    return lastPossible;
  }
}
