import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Volume } from '@dinomix/volume';
import type { DataSet } from 'dicom-parser';
import { ItkError } from '../errors.js';
import { imageOfAnswer } from '../image/read-image.js';
import { callItk } from '../itk/call.js';
import { gridOfItk } from '../itk/geometry.js';
import type { SliceHeader } from './header.js';
import { parseWhole } from './parse.js';
import { storedRange } from './stored.js';

const FIX =
  'a file of the series is damaged, or in a compression that ITK does not know: decompress with gdcmconv --raw';

/** Puts a text in the place of another one in the bytes of a file; a value without bytes means the same already. */
function overwrite(bytes: Buffer, dataSet: DataSet, tag: string, text: string): void {
  const element = dataSet.elements[tag];
  if (element !== undefined) bytes.write(text.padEnd(element.length), element.dataOffset, element.length, 'latin1');
}

/**
 * Writes a copy of a file whose pixels mean what they are: without a scale, not inverted, and with a preamble. ITK scales by the
 * first file of a series, and not at all for MR.
 */
async function writeUnscaled(file: string, target: string): Promise<void> {
  const { dataSet } = (await parseWhole(file))!;
  const bytes = Buffer.from(dataSet.byteArray);
  overwrite(bytes, dataSet, 'x00281053', '1');
  overwrite(bytes, dataSet, 'x00281052', '0');
  overwrite(bytes, dataSet, 'x00280004', 'MONOCHROME2');
  await writeFile(target, bytes);
}

const meansItself = ({ slope, intercept, photometric, hasPreamble }: SliceHeader) =>
  (slope ?? 1) === 1 && (intercept ?? 0) === 0 && photometric === 'MONOCHROME2' && hasPreamble;

/** Runs work on files whose pixels mean what they are: those of the slices, or copies that are removed afterwards. */
async function withUnscaled<R>(
  slices: readonly SliceHeader[],
  work: (files: readonly string[]) => Promise<R>,
): Promise<R> {
  // ITK sees the folders of the files alone, so that it cannot follow links.
  if (slices.every(meansItself)) return work(await Promise.all(slices.map(({ file }) => realpath(file))));
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'dinomix-dicom-')));
  try {
    const files = slices.map((_, index) => join(folder, `${String(index).padStart(6, '0')}.dcm`));
    for (const [index, { file }] of slices.entries()) await writeUnscaled(file, files[index]!);
    return await work(files);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function assertInRange({ data }: Volume, slices: readonly SliceHeader[]): void {
  const area = data.length / slices.length;
  for (const [index, { file, pixels }] of slices.entries()) {
    const [least, most] = storedRange(pixels);
    const stray = data.subarray(index * area, (index + 1) * area).find((value) => !(value >= least && value <= most));
    if (stray === undefined) continue;
    const problem = `its pixels decode to ${stray}; BitsStored ${pixels.bitsStored} holds ${least} to ${most}`;
    throw new ItkError('DMX_DICOM_SLICE', { file, problem, fix: 'decompress the series first, with gdcmconv --raw' });
  }
}

/**
 * Lets ITK decode compressed slices of one pixel format.
 *
 * @param folder - for messages
 * @returns the stored numbers in the order of the slices, with the place that ITK sees them in
 * @throws ItkError `DMX_IMAGE_READ` where it cannot, `DMX_DICOM_GEOMETRY` where it takes another order or size,
 * `DMX_DICOM_SLICE` where what it decodes is none of the numbers that the header allows.
 */
export function decodeSlices(slices: readonly SliceHeader[], folder: string, signal?: AbortSignal): Promise<Volume> {
  return withUnscaled(slices, async (files) => {
    const answer = await callItk({ kind: 'read-series', files }, signal);
    const { image, files: ordered } = imageOfAnswer(answer, folder, FIX);
    const found: Volume = { ...gridOfItk(image), data: image.data };
    const { rows, columns } = slices[0]!;
    const expected = [slices.length, rows, columns];
    if (found.shape.join() === expected.join() && files.every((file, index) => file === ordered[index])) {
      assertInRange(found, slices);
      return found;
    }
    const problem = `ITK read [${found.shape}] voxels (z, y, x) in an order of its own; the files make [${expected}]`;
    const fix = 'convert the series to NIfTI first, for example with dcm2niix, and look at the result';
    throw new ItkError('DMX_DICOM_GEOMETRY', { file: folder, problem, fix });
  });
}
