import { type Affine, createGrid, type Grid, type Point, type Triple, type VolumeError } from '@dinomix/volume';
import { ItkError } from '../errors.js';
import type { PlaneOrientation, SliceHeader } from './header.js';

/** A series in its order, with the grid that its slices make. */
export interface PlacedSeries {
  /** Along the normal of the image plane, row direction x column direction. */
  readonly slices: readonly SliceHeader[];
  /** RAS+ mm; slice k is `slices[k]`. */
  readonly grid: Grid;
  /** What was assumed. */
  readonly notes: readonly string[];
}

/** A slice whose place is known. */
type Located = SliceHeader & {
  readonly position: Point;
  readonly orientation: PlaneOrientation;
  readonly pixelSpacing: readonly [number, number];
};

// Direction cosines are written with six digits or more.
const COSINE_TOLERANCE = 1e-3;
const SAME_POSITION = 1e-3;

const dot = (a: Point, b: Point) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: Point, b: Point): Point => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
const minus = (a: Point, b: Point): Point => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const millimetres = (value: number) => `${Number(value.toFixed(4))} mm`;
const place = ({ position, file }: Located) => `${file} (ImagePositionPatient ${position.join('\\')})`;

/** The directions of a row, of a column and of their normal, LPS. */
function axesOf(orientation: PlaneOrientation): readonly [row: Point, column: Point, normal: Point] {
  const row: Point = [orientation[0], orientation[1], orientation[2]];
  const column: Point = [orientation[3], orientation[4], orientation[5]];
  return [row, column, cross(row, column)];
}

function sliceError(file: string, problem: string, fix: string): ItkError {
  return new ItkError('DMX_DICOM_SLICE', { file, problem, fix });
}

function assertSlice(header: SliceHeader): asserts header is Located {
  const { file, frames, samples, missingBytes, position, orientation, pixelSpacing, rows, columns } = header;
  if (frames > 1) {
    const fix = 'split it into one file per slice, for example with emf2sf of dcm4che';
    throw sliceError(file, `is a multi-frame image of ${frames} frames`, fix);
  }
  if (samples !== 1) {
    throw sliceError(file, `has ${samples} numbers per pixel: it is a colour image`, 'take the original grey series');
  }
  if (rows === 0 || columns === 0) {
    throw sliceError(file, `has ${rows} rows and ${columns} columns`, 'the file is damaged: fetch it again');
  }
  if (missingBytes > 0) {
    throw sliceError(file, `lacks ${missingBytes} bytes of its ${rows} x ${columns} pixels`, 'fetch the file again');
  }
  const absent = [
    ['ImagePositionPatient', position],
    ['ImageOrientationPatient', orientation],
    ['PixelSpacing', pixelSpacing],
  ].find(([, value]) => value === null);
  if (absent !== undefined) {
    throw sliceError(file, `has no usable ${absent[0]}`, 'take the original axial series, not a derived picture');
  }
  const [row, column] = axesOf(orientation!);
  const isOrthonormal = [dot(row, row) - 1, dot(column, column) - 1, dot(row, column)].every(
    (error) => Math.abs(error) < COSINE_TOLERANCE,
  );
  if (isOrthonormal) return;
  const problem = `has an ImageOrientationPatient that is no pair of unit vectors at right angles: ${orientation!.join('\\')}`;
  throw sliceError(file, problem, 'export the series again');
}

const COMMON: readonly (readonly [
  name: string,
  of: (slice: Located) => readonly (number | string)[],
  tolerance: number,
])[] = [
  ['Rows x Columns', ({ rows, columns }) => [rows, columns], 0],
  ['ImageOrientationPatient', ({ orientation }) => orientation, COSINE_TOLERANCE],
  ['PixelSpacing', ({ pixelSpacing }) => pixelSpacing, COSINE_TOLERANCE],
  ['FrameOfReferenceUID', ({ frameOfReference }) => [frameOfReference], 0],
];

function assertAlike(first: Located, slice: Located): void {
  for (const [name, of, tolerance] of COMMON) {
    const [expected, found] = [of(first), of(slice)];
    const isAlike = expected.every((value, index) => {
      const other = found[index]!;
      return typeof value === 'number' ? Math.abs(value - Number(other)) <= tolerance : value === other;
    });
    if (isAlike) continue;
    const problem = `has the ${name} ${found.join('\\')}; ${first.file} of the same series has ${expected.join('\\')}`;
    throw sliceError(slice.file, problem, 'take localizers and other images out of the folder');
  }
}

function geometryError(slice: Located, problem: string, fix: string): ItkError {
  return new ItkError('DMX_DICOM_GEOMETRY', { file: slice.file, problem, fix });
}

/**
 * The distance between slices, all of them equal to within a share of it.
 * @param heights - along the normal, ascending
 */
function spacingOf(slices: readonly Located[], heights: readonly number[], tolerance: number): number {
  const gaps = heights.slice(1).map((height, index) => height - heights[index]!);
  const twice = gaps.findIndex((gap) => gap < SAME_POSITION);
  if (twice >= 0) {
    const problem = `lies where ${place(slices[twice + 1]!)} lies: the series holds several images of one position`;
    throw geometryError(slices[twice]!, problem, 'give each phase or echo of the series a folder of its own');
  }
  const usual = [...gaps].sort((a, b) => a - b)[Math.floor(gaps.length / 2)]!;
  const mean = (heights.at(-1)! - heights[0]!) / gaps.length;
  const widest = gaps.reduce((worst, gap, index) => {
    return Math.abs(gap - usual) > Math.abs(gaps[worst]! - usual) ? index : worst;
  }, 0);
  // A gap that is off, and slices that drift away from an even grid little by little.
  const drift = Math.max(...heights.map((height, index) => Math.abs(height - heights[0]! - index * mean)));
  if (Math.abs(gaps[widest]! - usual) <= tolerance * usual && drift <= tolerance * usual) return mean;
  const problem =
    `the slices are ${millimetres(usual)} apart, but ${millimetres(gaps[widest]!)} between ` +
    `${place(slices[widest]!)} and ${place(slices[widest + 1]!)}`;
  const missing = Math.round(gaps[widest]! / usual) - 1;
  const fix =
    missing > 0
      ? `fetch the ${missing === 1 ? 'slice that is' : `${missing} slices that are`} missing there`
      : 'resample the series to even slices first (3D Slicer does when it imports it)';
  throw geometryError(slices[widest]!, problem, fix);
}

/** Slices must lie above each other: one that moves sideways belongs to a tilted gantry. */
function assertUpright(slices: readonly Located[], normal: Point): void {
  const first = slices[0]!;
  const allowed = Math.min(...first.pixelSpacing) / 2;
  for (const slice of slices) {
    const way = minus(slice.position, first.position);
    const height = dot(way, normal);
    const sideways = Math.sqrt(Math.max(0, dot(way, way) - height * height));
    if (sideways <= allowed) continue;
    const degrees = (Math.atan2(sideways, Math.abs(height)) * 180) / Math.PI;
    const problem =
      `lies ${millimetres(sideways)} beside the normal of ${place(first)}: the series is sheared by ` +
      `${degrees.toFixed(1)} degrees (tilted gantry)`;
    throw geometryError(slice, problem, 'undo the tilt first, for example with dcm2niix, which writes a _Tilt file');
  }
}

/**
 * The map from (column, row, slice) to RAS+ mm: PS3.3 equation C.7.6.2.1-1, with x and y negated.
 *
 * @param spacing - mm between slices
 */
export function planeAffine(
  { position, orientation, pixelSpacing }: Pick<Located, 'position' | 'orientation' | 'pixelSpacing'>,
  spacing: number,
): Affine {
  const [row, column, normal] = axesOf(orientation);
  const [betweenRows, betweenColumns] = pixelSpacing;
  // Adding 0 turns -0 to 0.
  const line = (axis: 0 | 1 | 2, sign: 1 | -1) =>
    [row[axis] * betweenColumns, column[axis] * betweenRows, normal[axis] * spacing, position[axis]].map(
      (value) => sign * value + 0,
    );
  return [line(0, -1), line(1, -1), line(2, 1), [0, 0, 0, 1]] as unknown as Affine;
}

/**
 * Sorts the slices of a series along the normal of their plane and checks that they make a regular grid.
 *
 * @param tolerance - largest deviation from even spacing, as a share of it
 * @remarks DICOM PS3.3 C.7.6.2.1.1 (equation C.7.6.2.1-1), with x and y negated for RAS. InstanceNumber and file names
 * play no part.
 * @throws ItkError `DMX_DICOM_SLICE` for an image that cannot be a slice of this volume; `DMX_DICOM_GEOMETRY` for slices at
 * one position, uneven distances and a tilted gantry, with files and positions.
 */
export function placeSeries(series: readonly SliceHeader[], tolerance: number): PlacedSeries {
  const slices = series.map((header): Located => {
    assertSlice(header);
    return header;
  });
  const first = slices[0]!;
  for (const slice of slices) assertAlike(first, slice);
  const [, , normal] = axesOf(first.orientation);
  const heightOf = ({ position }: Located) => dot(position, normal);
  slices.sort((a, b) => heightOf(a) - heightOf(b));
  const lowest = slices[0]!;
  const notes: string[] = [];
  let spacing: number;
  if (slices.length === 1) {
    spacing = lowest.thickness ?? 1;
    if (lowest.thickness === null) notes.push(`${lowest.file} says no slice thickness; 1 mm is taken`);
  } else {
    spacing = spacingOf(slices, slices.map(heightOf), tolerance);
    assertUpright(slices, normal);
  }
  return { slices, grid: gridOf(slices, spacing), notes };
}

function gridOf(slices: readonly Located[], spacing: number): Grid {
  const lowest = slices[0]!;
  const shape: Triple = [slices.length, lowest.rows, lowest.columns];
  try {
    return createGrid(shape, undefined, planeAffine(lowest, spacing));
  } catch (error) {
    const problem = `its position, orientation and spacing place no voxels: ${(error as VolumeError).problem}`;
    throw geometryError(lowest, problem, 'export the series again');
  }
}
