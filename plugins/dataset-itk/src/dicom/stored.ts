/** How the pixels of an image are stored (PS3.5 8.1.1). */
export interface PixelFormat {
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly highBit: number;
  readonly isSigned: boolean;
  /** Whether an overlay has some of the other bits (PS3.5 8.1.2, retired). */
  readonly hasOverlayBits: boolean;
}

/** Pixels as they are stored. */
export type PixelArray = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array;

type Build = new (buffer: ArrayBuffer) => PixelArray;

// Without and with sign, by BitsAllocated.
const ARRAYS: Readonly<Record<number, readonly [Build, Build]>> = {
  8: [Uint8Array, Int8Array],
  16: [Uint16Array, Int16Array],
  32: [Uint32Array, Int32Array],
};

/** What keeps pixels from being read by their bits; null where nothing does. */
export function formatProblem({ bitsAllocated, bitsStored, highBit }: PixelFormat): string | null {
  if (ARRAYS[bitsAllocated] === undefined) return `has BitsAllocated ${bitsAllocated}; 8, 16 and 32 are read`;
  if (bitsStored < 1 || bitsStored > bitsAllocated) {
    return `has BitsStored ${bitsStored} of ${bitsAllocated} that are allocated`;
  }
  // PS3.5 8.1.1 demands it; readers differ about what other positions mean.
  return highBit === bitsStored - 1 ? null : `has HighBit ${highBit} with BitsStored ${bitsStored}`;
}

/** The smallest and the largest number that the bits can hold. */
export function storedRange({ bitsStored, isSigned }: PixelFormat): readonly [least: number, most: number] {
  return isSigned ? [-(2 ** (bitsStored - 1)), 2 ** (bitsStored - 1) - 1] : [0, 2 ** bitsStored - 1];
}

function swap(bytes: Buffer, width: number): void {
  if (width === 2) bytes.swap16();
  else if (width === 4) bytes.swap32();
}

/**
 * The numbers of uncompressed pixels.
 *
 * @returns the values, and the index of the first whose other bits are neither its sign nor those of an overlay; -1 without
 */
export function storedValues(
  bytes: Uint8Array,
  format: PixelFormat,
  littleEndian: boolean,
): { readonly values: PixelArray; readonly stray: number } {
  const { bitsAllocated, bitsStored, isSigned, hasOverlayBits } = format;
  const own = Buffer.from(Uint8Array.from(bytes).buffer);
  if (!littleEndian) swap(own, bitsAllocated / 8);
  const values = new ARRAYS[bitsAllocated]![isSigned ? 1 : 0](own.buffer as ArrayBuffer);
  const unused = 32 - bitsStored;
  if (bitsStored === bitsAllocated) return { values, stray: -1 };
  let stray = -1;
  for (let index = 0; index < values.length; index++) {
    const whole = values[index]!;
    const value = isSigned ? (whole << unused) >> unused : (whole << unused) >>> unused;
    if (value === whole) continue;
    // A file may leave the other bits of a negative number 0.
    const isUnextended = isSigned && value < 0 && whole === value + 2 ** bitsStored;
    if (stray < 0 && !hasOverlayBits && !isUnextended) stray = index;
    values[index] = value;
  }
  return { values, stray };
}
