import type { SliceHeader } from './header.js';
import { parseWhole } from './parse.js';

/** The pixels of a file as it holds them, compressed or not. */
async function pixelsOf({ file }: SliceHeader): Promise<Uint8Array | null> {
  const dataSet = (await parseWhole(file))?.dataSet;
  const element = dataSet?.elements.x7fe00010;
  return dataSet === undefined || element === undefined
    ? null
    : dataSet.byteArray.subarray(element.dataOffset, element.dataOffset + element.length);
}

/** Whether two files are copies of one image: same identity, place, scale and pixels. */
async function isCopy(first: SliceHeader, second: SliceHeader): Promise<boolean> {
  const facts = ({ position, orientation, slope, intercept, pixels, transferSyntax }: SliceHeader) =>
    JSON.stringify([position, orientation, slope, intercept, pixels, transferSyntax]);
  if (facts(first) !== facts(second)) return false;
  const [a, b] = [await pixelsOf(first), await pixelsOf(second)];
  return a !== null && b !== null && Buffer.compare(a, b) === 0;
}

/**
 * The slices of a series without those that are another one again (SOPInstanceUID), as folders hold them that were copied
 * together; what is left out is noted. Where two images of one identity differ both stay: their places decide.
 */
export async function withoutCopies(slices: readonly SliceHeader[]) {
  const seen = new Map<string, SliceHeader[]>();
  const kept: SliceHeader[] = [];
  const notes: string[] = [];
  for (const slice of slices) {
    const others = slice.sopInstance === '' ? [] : (seen.get(slice.sopInstance) ?? []);
    let copyOf: SliceHeader | undefined;
    for (const other of others) if (copyOf === undefined && (await isCopy(other, slice))) copyOf = other;
    if (copyOf !== undefined) {
      notes.push(
        `left out ${slice.file}, which is the image of ${copyOf.file} again (SOPInstanceUID ${slice.sopInstance})`,
      );
      continue;
    }
    seen.set(slice.sopInstance, [...others, slice]);
    kept.push(slice);
  }
  return { kept, notes };
}
