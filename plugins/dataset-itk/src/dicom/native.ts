import { ItkError } from '../errors.js';
import type { SliceHeader } from './header.js';
import { parseWhole } from './parse.js';
import { type PixelArray, storedValues } from './stored.js';

const BIG_ENDIAN = '1.2.840.10008.1.2.2';
// Implicit and explicit little endian, deflated, big endian: pixels lie in the file as they are (PS3.5 A.1 to A.3, A.5).
const NATIVE = new Set(['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.1.99', BIG_ENDIAN]);

/** Whether the pixels of an image are not compressed. */
export function isNative({ transferSyntax }: SliceHeader): boolean {
  return NATIVE.has(transferSyntax);
}

function sliceError(file: string, problem: string, fix: string): ItkError {
  return new ItkError('DMX_DICOM_SLICE', { file, problem, fix });
}

/** Bytes of the uncompressed pixels of an image. @throws ItkError `DMX_DICOM_SLICE`. */
export async function pixelBytesOf({ file, rows, columns, pixels }: SliceHeader): Promise<Uint8Array> {
  const dataSet = (await parseWhole(file))?.dataSet;
  const element = dataSet?.elements.x7fe00010;
  const needed = (rows * columns * pixels.bitsAllocated) / 8;
  if (dataSet === undefined || element === undefined || element.fragments !== undefined || element.length < needed) {
    const fix = 'the file is damaged, or changed while it was read: fetch it again';
    throw sliceError(file, `does not hold the ${needed} bytes of pixels that its header announces`, fix);
  }
  return dataSet.byteArray.subarray(element.dataOffset, element.dataOffset + needed);
}

/** The stored numbers of an image whose pixels are not compressed. @throws ItkError `DMX_DICOM_SLICE`. */
export async function readNative(slice: SliceHeader): Promise<PixelArray> {
  const { file, columns, pixels, transferSyntax } = slice;
  const { values, stray } = storedValues(await pixelBytesOf(slice), pixels, transferSyntax !== BIG_ENDIAN);
  if (stray < 0) return values;
  const problem =
    `its pixel (column, row) = (${stray % columns}, ${Math.floor(stray / columns)}) has bits beyond BitsStored ` +
    `${pixels.bitsStored}, which belong to no overlay`;
  throw sliceError(file, problem, 'the header or the pixels are wrong: export the series again');
}
