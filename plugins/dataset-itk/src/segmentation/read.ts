import { resolve } from 'node:path';
import { type Grid, invertAffine, multiplyAffine, type Point, type Volume, voxelAt, voxelCount } from '@dinomix/volume';
import type { DataSet } from 'dicom-parser';
import { numbersOf, type PlaneOrientation } from '../dicom/header.js';
import { parseWhole } from '../dicom/parse.js';
import { planeAffine } from '../dicom/placement.js';
import { ItkError } from '../errors.js';
import { plainName } from './anatomy.js';
import { SEGMENTATION_STORAGE } from './module.js';
import { decodedText } from './text.js';

/** What a segmentation is read onto. */
export interface ReadSegmentationOptions {
  /** Grid of the image that it belongs to. */
  readonly grid: Grid;
  /** Class names by value, background first: segments are matched to them by SegmentLabel. */
  readonly classes: readonly string[];
}

/** Where a frame lies in the image: index of its first pixel, steps along a row and along a column. */
interface FramePlacement {
  readonly start: number;
  readonly alongRow: number;
  readonly alongColumn: number;
}

interface Opened {
  readonly file: string;
  readonly dataSet: DataSet;
  readonly rows: number;
  readonly columns: number;
  readonly frames: readonly DataSet[];
  readonly shared: DataSet | undefined;
  readonly bits: Uint8Array;
}

const UNDEFINED_LENGTH = 0xffffffff;
// Voxels by which a frame may miss the grid of the image.
const OFF_GRID = 0.1;

function segError(file: string, problem: string, fix: string): ItkError {
  return new ItkError('DMX_DICOM_SEG', { file, problem, fix });
}

function itemsOf(dataSet: DataSet | undefined, tag: string): readonly DataSet[] {
  return (dataSet?.elements[tag]?.items ?? []).flatMap((item) => item.dataSet ?? []);
}

async function openSegmentation(file: string): Promise<Opened> {
  const parsed = await parseWhole(file);
  const dataSet = parsed?.dataSet;
  if (dataSet === undefined || dataSet.string('x00080016') !== SEGMENTATION_STORAGE) {
    throw segError(
      file,
      'is no DICOM segmentation',
      'name a file of Modality SEG, or labels as .nii.gz, .nrrd or .mha',
    );
  }
  const kind = dataSet.string('x00620001') ?? 'no type';
  if (kind !== 'BINARY') throw segError(file, `is a segmentation of the type ${kind}`, 'write it as BINARY');
  const rows = dataSet.uint16('x00280010') ?? 0;
  const columns = dataSet.uint16('x00280011') ?? 0;
  const frames = itemsOf(dataSet, 'x52009230');
  const announced = Number(dataSet.string('x00280008') ?? 1);
  if (announced !== frames.length) {
    const problem = `announces ${announced} frames and describes ${frames.length}`;
    throw segError(file, problem, 'the file is damaged: fetch it again, or export it anew');
  }
  const pixels = dataSet.elements.x7fe00010;
  const needed = Math.ceil((frames.length * rows * columns) / 8);
  if (pixels === undefined || pixels.length === UNDEFINED_LENGTH || pixels.encapsulatedPixelData === true) {
    throw segError(file, 'holds no pixels, or compressed ones', 'decompress it, for example with gdcmconv --raw');
  }
  if (pixels.length < needed || frames.length === 0 || needed === 0) {
    const problem = `has ${pixels.length} bytes of pixels; ${frames.length} frames of ${rows} x ${columns} need ${needed}`;
    throw segError(file, problem, 'the file is cut off or damaged: fetch it again');
  }
  const bits = dataSet.byteArray.subarray(pixels.dataOffset, pixels.dataOffset + needed);
  return { file, dataSet, rows, columns, frames, shared: itemsOf(dataSet, 'x52009229')[0], bits };
}

/** The class of each segment number. */
function classesOf({ file, dataSet }: Opened, classes: readonly string[]): ReadonlyMap<number, number> {
  const values = new Map(classes.map((name, value) => [plainName(name), value]));
  const found = new Map<number, number>();
  for (const segment of itemsOf(dataSet, 'x00620002')) {
    const label = decodedText(segment, 'x00620005', dataSet);
    const value = values.get(plainName(label));
    if (value === undefined || value === 0) {
      const names = classes.slice(1).join(', ');
      const fix = 'name segments and classes alike, or take the segment out of the file';
      throw segError(file, `has the segment "${label}", which is no class: ${names}`, fix);
    }
    found.set(segment.uint16('x00620004') ?? 0, value);
  }
  return found;
}

/** One value of a functional group: of the frame, or else shared by all frames. */
function groupOf(opened: Opened, frame: DataSet, sequence: string): DataSet | undefined {
  return itemsOf(frame, sequence)[0] ?? itemsOf(opened.shared, sequence)[0];
}

function frameGeometry(opened: Opened, frame: DataSet, number: number) {
  const numbers = (sequence: string, tag: string, count: number) => {
    const group = groupOf(opened, frame, sequence);
    return group === undefined ? null : numbersOf(group, tag, count);
  };
  const position = numbers('x00209113', 'x00200032', 3);
  const orientation = numbers('x00209116', 'x00200037', 6);
  const pixelSpacing = numbers('x00289110', 'x00280030', 2);
  if (position === null || orientation === null || pixelSpacing === null) {
    const problem = `does not say where its frame ${number} lies`;
    throw segError(opened.file, problem, 'write it with plane position, plane orientation and pixel measures');
  }
  return {
    position: position as unknown as Point,
    orientation: orientation as unknown as PlaneOrientation,
    pixelSpacing: pixelSpacing as unknown as readonly [number, number],
  };
}

/**
 * Places a frame on the grid of the image: its pixels must be voxels of it, whichever way its axes run.
 * A frame may cover a part of a slice.
 */
function placeFrame(opened: Opened, frame: DataSet, number: number, grid: Grid): FramePlacement {
  const { file, rows, columns } = opened;
  const geometry = frameGeometry(opened, frame, number);
  const toIndex = multiplyAffine(invertAffine(grid.affine), planeAffine(geometry, 1));
  const corner = (column: number, row: number) =>
    toIndex.slice(0, 3).map((line) => line[0] * column + line[1] * row + line[3]);
  const corners = [corner(0, 0), corner(columns - 1, 0), corner(0, rows - 1)];
  const [first, rowEnd, columnEnd] = corners.map((index) => index.map(Math.round)) as [number[], number[], number[]];
  const isOnVoxels = corners.flat().every((value) => Math.abs(value - Math.round(value)) <= OFF_GRID);
  const strides = [1, grid.shape[2], grid.shape[1] * grid.shape[2]];
  const stepTo = (end: number[], count: number): number | null => {
    const way = end.map((value, axis) => value - first[axis]!);
    const moved = way.flatMap((value, axis) => (value === 0 ? [] : [{ value, axis }]));
    if (count === 1) return moved.length === 0 ? 0 : null;
    if (moved.length !== 1 || Math.abs(moved[0]!.value) !== count - 1) return null;
    return Math.sign(moved[0]!.value) * strides[moved[0]!.axis]!;
  };
  const alongRow = stepTo(rowEnd, columns);
  const alongColumn = stepTo(columnEnd, rows);
  const size = [...grid.shape].reverse();
  const isInside = [first, rowEnd, columnEnd].every((index) =>
    index.every((value, axis) => value >= 0 && value < size[axis]!),
  );
  if (!isOnVoxels || alongRow === null || alongColumn === null || !isInside) {
    const place = geometry.position.join('\\');
    const at = corners[0]!.map((value) => Number(value.toFixed(2)));
    const problem =
      `does not fit the image: its frame ${number} (ImagePositionPatient ${place}, ${columns} x ${rows} pixels) begins at ` +
      `voxel (i, j, k) = (${at}) of ${size.join(' x ')}`;
    throw segError(file, problem, 'check that the two belong together, or resample the segmentation onto the image');
  }
  const start = first.reduce((sum, value, axis) => sum + value * strides[axis]!, 0);
  return { start, alongRow, alongColumn };
}

/**
 * Reads a DICOM segmentation (BINARY) as class indices on the grid of the image that it belongs to: frames go where their
 * positions say, voxels without a frame are background.
 *
 * @returns [d, h, w] on `grid`; values are positions in `classes`
 * @throws ItkError `DMX_DICOM_SEG` for another kind of file, a segment that is no class, a frame that is not on the grid, and
 * voxels of two classes, with the first of them; `DMX_DICOM_SLICE` for a damaged file.
 */
export async function readDicomSegmentation(
  path: string,
  { grid, classes }: ReadSegmentationOptions,
): Promise<Volume<Uint8Array>> {
  const opened = await openSegmentation(resolve(path));
  const { file, frames, rows, columns, bits } = opened;
  const classOf = classesOf(opened, classes);
  const data = new Uint8Array(voxelCount(grid.shape));
  let bit = 0;
  for (const [index, frame] of frames.entries()) {
    const number = groupOf(opened, frame, 'x0062000a')?.uint16('x0062000b');
    const value = number === undefined ? undefined : classOf.get(number);
    if (value === undefined) {
      const problem = `its frame ${index + 1} belongs to the segment ${number ?? 'without a number'}, which it does not describe`;
      throw segError(file, problem, 'write the file again');
    }
    const { start, alongRow, alongColumn } = placeFrame(opened, frame, index + 1, grid);
    for (let row = 0; row < rows; row++) {
      let voxel = start + row * alongColumn;
      for (let column = 0; column < columns; column++, bit++, voxel += alongRow) {
        if (((bits[bit >>> 3]! >>> (bit & 7)) & 1) === 0) continue;
        if (data[voxel] !== 0 && data[voxel] !== value) {
          const place = [...voxelAt(voxel, grid.shape)].reverse();
          const names = `"${classes[data[voxel]!]}" and "${classes[value]}"`;
          const problem = `segments overlap: ${names} both have voxel (i, j, k) = (${place})`;
          throw segError(file, problem, 'decide which of the two has it: a voxel has one class');
        }
        data[voxel] = value;
      }
    }
  }
  return { ...grid, data };
}
