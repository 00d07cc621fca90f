import type { Point } from '@dinomix/volume';
import type { DataSet } from 'dicom-parser';
import type { ParsedDicom } from './parse.js';
import type { PixelFormat } from './stored.js';

/** Direction cosines of a row and of a column of the image plane, LPS (ImageOrientationPatient). */
export type PlaneOrientation = readonly [number, number, number, number, number, number];

/** What placing an image in the world needs of its file. Lengths in mm, world axes LPS as DICOM has them. */
export interface SliceHeader {
  readonly file: string;
  readonly sopClass: string;
  readonly sopInstance: string;
  readonly study: string;
  readonly series: string;
  readonly seriesNumber: number | null;
  readonly description: string;
  readonly modality: string;
  readonly frameOfReference: string;
  readonly transferSyntax: string;
  readonly photometric: string;
  readonly hasPreamble: boolean;
  readonly rows: number;
  readonly columns: number;
  readonly samples: number;
  readonly frames: number;
  readonly position: Point | null;
  readonly orientation: PlaneOrientation | null;
  /** Between rows, between columns. */
  readonly pixelSpacing: readonly [number, number] | null;
  /** SpacingBetweenSlices, or else SliceThickness; of use for a single slice alone. */
  readonly thickness: number | null;
  readonly pixels: PixelFormat;
  /** RescaleSlope and RescaleIntercept; null where there is none, NaN where it is no number. */
  readonly slope: number | null;
  readonly intercept: number | null;
  /** Whether a table gives intensities instead (ModalityLUTSequence). */
  readonly hasLookupTable: boolean;
  /** Of the file, or of what it inflates to. */
  readonly fileBytes: number;
  /** Bytes of pixels that are missing in the file, as far as that can be told. */
  readonly missingBytes: number;
}

const UNDEFINED_LENGTH = 0xffffffff;
// PS3.5 6.2: a decimal string; "0,5" or "1 mm" is none.
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** The number of a decimal string; NaN for any other text. */
function decimalOf(text: string): number {
  return DECIMAL.test(text.trim()) ? Number(text) : Number.NaN;
}

/** The numbers of an attribute; null unless there are `count` finite ones. */
export function numbersOf(dataSet: DataSet, tag: string, count: number): number[] | null {
  const values = (dataSet.string(tag) ?? '').split('\\').map(decimalOf);
  return values.length >= count && values.every(Number.isFinite) ? values.slice(0, count) : null;
}

/** The first number of an attribute; null where it is absent or blank, NaN where it is no number. */
function numberOf(dataSet: DataSet, tag: string): number | null {
  const text = (dataSet.string(tag) ?? '').split('\\')[0]!.trim();
  return text === '' ? null : decimalOf(text);
}

function missingBytesOf({ dataSet, size }: ParsedDicom, voxels: number): number {
  const pixels = dataSet.elements.x7fe00010;
  if (pixels === undefined || pixels.length === UNDEFINED_LENGTH) return 0;
  const needed = Math.ceil((voxels * (dataSet.uint16('x00280100') ?? 0)) / 8);
  const there = Math.min(pixels.length, size - pixels.dataOffset);
  return Math.max(0, needed - there);
}

/** How the pixels of an image are stored (PS3.5 8.1.1). */
function pixelFormatOf(dataSet: DataSet): PixelFormat {
  const bitsAllocated = dataSet.uint16('x00280100') ?? 0;
  const bitsStored = dataSet.uint16('x00280101') ?? bitsAllocated;
  const overlays = Object.keys(dataSet.elements).filter((tag) => /^x60[\da-f]{2}0102$/.test(tag));
  return {
    bitsAllocated,
    bitsStored,
    highBit: dataSet.uint16('x00280102') ?? bitsStored - 1,
    isSigned: dataSet.uint16('x00280103') === 1,
    hasOverlayBits: overlays.some((tag) => (dataSet.uint16(tag) ?? 0) > 0),
  };
}

/** The header of an image; null for a DICOM object without pixels (a DICOMDIR, a report, a structure set). */
export function headerOf(parsed: ParsedDicom): SliceHeader | null {
  const { file, dataSet } = parsed;
  if (dataSet.elements.x7fe00010 === undefined) return null;
  const text = (tag: string) => dataSet.string(tag) ?? '';
  const rows = dataSet.uint16('x00280010') ?? 0;
  const columns = dataSet.uint16('x00280011') ?? 0;
  const samples = dataSet.uint16('x00280002') ?? 1;
  const frames = numberOf(dataSet, 'x00280008') ?? 1;
  const steps = numbersOf(dataSet, 'x00280030', 2);
  const isPositive = (value: number | null): value is number => value !== null && value > 0;
  return {
    file,
    sopClass: text('x00080016'),
    sopInstance: text('x00080018'),
    study: text('x0020000d'),
    series: text('x0020000e'),
    seriesNumber: numberOf(dataSet, 'x00200011'),
    description: text('x0008103e'),
    modality: text('x00080060'),
    frameOfReference: text('x00200052'),
    transferSyntax: parsed.transferSyntax,
    photometric: text('x00280004'),
    hasPreamble: parsed.added === 0,
    rows,
    columns,
    samples,
    frames,
    position: numbersOf(dataSet, 'x00200032', 3) as Point | null,
    orientation: numbersOf(dataSet, 'x00200037', 6) as PlaneOrientation | null,
    pixelSpacing: steps?.every(isPositive) ? (steps as [number, number]) : null,
    thickness: [numberOf(dataSet, 'x00180088'), numberOf(dataSet, 'x00180050')].find(isPositive) ?? null,
    pixels: pixelFormatOf(dataSet),
    slope: numberOf(dataSet, 'x00281053'),
    intercept: numberOf(dataSet, 'x00281052'),
    hasLookupTable: dataSet.elements.x00283000 !== undefined,
    fileBytes: parsed.size,
    missingBytes: missingBytesOf(parsed, rows * columns * samples * frames),
  };
}
