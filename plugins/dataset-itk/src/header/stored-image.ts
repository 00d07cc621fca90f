import { ItkError } from '../errors.js';

/** Element types as ITK names them. */
export type ElementType =
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'float32'
  | 'float64';

/** What the header of an image file says of its voxels, whether it is true or not. */
export interface StoredImage {
  /** Voxels along each axis, x first. */
  readonly sizes: readonly number[];
  readonly type: ElementType;
  /** Numbers per voxel. */
  readonly components: number;
  readonly littleEndian: boolean;
  readonly packing: 'raw' | 'deflate' | 'text';
  /** Files with voxels. */
  readonly files: readonly string[];
  /** Byte of the first file, or of what it inflates to, where they begin; null where only ITK knows. */
  readonly start: number | null;
  /** Byte of the first file where compressed data begins. */
  readonly packedFrom: number;
}

export const WIDTHS: Readonly<Record<ElementType, number>> = {
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  float32: 4,
  float64: 8,
};

// teem and MetaIO have room for so many axes.
const MOST_AXES = 16;

/** Bytes of all voxels. */
export function announcedBytes({ sizes, type, components }: StoredImage): number {
  return sizes.reduce((product, size) => product * size, WIDTHS[type] * components);
}

/** The error of a header that says something impossible. */
export function headerError(file: string, problem: string): ItkError {
  const fix = 'the file is damaged, cut off or of another format: fetch it again';
  return new ItkError('DMX_IMAGE_READ', { file, problem: `cannot be read: ${problem}`, fix });
}

/** The whole numbers of a field, as many as there are axes. @throws ItkError `DMX_IMAGE_READ`. */
export function sizesOf(file: string, axes: string | undefined, sizes: string | undefined): readonly number[] {
  const count = Number(axes ?? Number.NaN);
  if (!(Number.isInteger(count) && count >= 1 && count <= MOST_AXES)) {
    throw headerError(
      file,
      axes === undefined ? 'it does not say how many axes it has' : `it says that it has ${axes} axes`,
    );
  }
  const found = (sizes ?? '').split(/\s+/).map(Number);
  if (found.length === count && found.every((size) => Number.isSafeInteger(size) && size > 0)) return found;
  throw headerError(file, `it has ${count} axes and the sizes "${sizes ?? ''}"`);
}

/** The element type of a name or number. @throws ItkError `DMX_IMAGE_READ`. */
export function typeOf(file: string, types: Readonly<Record<string, ElementType>>, name: string | number): ElementType {
  if (Object.hasOwn(types, name)) return types[name]!;
  throw headerError(file, `it has elements of the type ${name}, which is not read`);
}
