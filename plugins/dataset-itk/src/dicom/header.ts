import type { Point } from '@dinomix/volume';
import type { DataSet } from 'dicom-parser';
import type { ParsedDicom } from './parse.js';

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
  readonly slope: number;
  readonly intercept: number;
  /** Bytes of pixels that are missing in the file, as far as that can be told. */
  readonly missingBytes: number;
}

const UNDEFINED_LENGTH = 0xffffffff;
const DEFLATED = '1.2.840.10008.1.2.1.99';

/** The numbers of an attribute; null unless there are `count` finite ones. */
export function numbersOf(dataSet: DataSet, tag: string, count: number): number[] | null {
  const values = Array.from({ length: count }, (_, index) => dataSet.floatString(tag, index) ?? Number.NaN);
  return values.every(Number.isFinite) ? values : null;
}

function missingBytesOf({ dataSet, size }: ParsedDicom, voxels: number): number {
  const pixels = dataSet.elements.x7fe00010;
  if (pixels === undefined || pixels.length === UNDEFINED_LENGTH) return 0;
  if (dataSet.string('x00020010') === DEFLATED) return 0;
  const needed = Math.ceil((voxels * (dataSet.uint16('x00280100') ?? 0)) / 8);
  const there = Math.min(pixels.length, size - pixels.dataOffset);
  return Math.max(0, needed - there);
}

/** The header of an image; null for a DICOM object without pixels (a DICOMDIR, a report, a structure set). */
export function headerOf(parsed: ParsedDicom): SliceHeader | null {
  const { file, dataSet } = parsed;
  if (dataSet.elements.x7fe00010 === undefined) return null;
  const text = (tag: string) => dataSet.string(tag) ?? '';
  const rows = dataSet.uint16('x00280010') ?? 0;
  const columns = dataSet.uint16('x00280011') ?? 0;
  const samples = dataSet.uint16('x00280002') ?? 1;
  const frames = dataSet.intString('x00280008') ?? 1;
  const steps = numbersOf(dataSet, 'x00280030', 2);
  const isPositive = (value: number | undefined): value is number => value !== undefined && value > 0;
  return {
    file,
    sopClass: text('x00080016'),
    sopInstance: text('x00080018'),
    study: text('x0020000d'),
    series: text('x0020000e'),
    seriesNumber: dataSet.intString('x00200011') ?? null,
    description: text('x0008103e'),
    modality: text('x00080060'),
    frameOfReference: text('x00200052'),
    rows,
    columns,
    samples,
    frames,
    position: numbersOf(dataSet, 'x00200032', 3) as Point | null,
    orientation: numbersOf(dataSet, 'x00200037', 6) as PlaneOrientation | null,
    pixelSpacing: steps?.every(isPositive) ? (steps as [number, number]) : null,
    thickness: [dataSet.floatString('x00180088'), dataSet.floatString('x00180050')].find(isPositive) ?? null,
    slope: dataSet.floatString('x00281053') ?? 1,
    intercept: dataSet.floatString('x00281052') ?? 0,
    missingBytes: missingBytesOf(parsed, rows * columns * samples * frames),
  };
}
