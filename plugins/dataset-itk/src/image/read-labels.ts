import type { FileInspection } from '@dinomix/data';
import { crop, type Grid, invertAffine, multiplyAffine, type Triple, type Volume, voxelCount } from '@dinomix/volume';
import { ItkError } from '../errors.js';
import { plainName } from '../segmentation/anatomy.js';
import { inspectImage, readImage } from './read-image.js';
import { type SlicerSegment, slicerSegments } from './slicer-segments.js';

/** What labels are read onto. */
interface LabelTarget<G extends Grid | null> {
  /** Grid of the image that they belong to; null where it is not known. */
  readonly grid: G;
  /** Class names by value, background first. */
  readonly classes: readonly string[];
}

// Voxels by which a segmentation may miss the grid of its image.
const OFF_GRID = 0.01;
const COLOR_TABLE =
  'in 3D Slicer take "Export to files" with "Use color table values" and the values of dataset.json, or correct dataset.json';

/**
 * Where the first voxel of a segmentation lies in its image: 3D Slicer may cut one to what it holds. Null where its voxels
 * are no voxels of the image, and where it is as large as that.
 */
function offsetIn(image: Grid, part: Grid): Triple | null {
  if (image.shape.every((size, axis) => size === part.shape[axis])) return null;
  const [x, y, z] = multiplyAffine(invertAffine(image.affine), part.affine);
  const offset: Triple = [Math.round(z[3]), Math.round(y[3]), Math.round(x[3])];
  const sides = [...part.shape].reverse();
  const isAligned = [x, y, z].every((row, axis) => {
    const drift = sides.map((side, column) => Math.abs(row[column]! - (column === axis ? 1 : 0)) * (side - 1));
    return Math.max(...drift, Math.abs(row[3] - Math.round(row[3]))) <= OFF_GRID;
  });
  const isInside = offset.every((first, axis) => first >= 0 && first + part.shape[axis]! <= image.shape[axis]!);
  return isAligned && isInside ? offset : null;
}

/** One voxel stands for a segmentation without any: its place means nothing. */
const isEmpty = ({ shape }: Grid) => voxelCount(shape) === 1;

const classText = (name: string | undefined) => (name === undefined ? 'no class' : `the class "${name}"`);

/** A segment with the name of one class and the value of another would teach the wrong one. */
function assertClasses(file: string, segments: readonly SlicerSegment[], classes: readonly string[]): void {
  const values = new Map(classes.map((name, value) => [plainName(name), value]));
  for (const { name, value } of segments) {
    const expected = values.get(plainName(name));
    if (expected === undefined || expected === value) continue;
    const meant = `the value ${value}, which is ${classText(classes[value])}; "${classes[expected]}" is ${expected}`;
    const problem = `its segment "${name}" has ${meant}`;
    throw new ItkError('DMX_IMAGE_SEGMENTS', { file, problem, fix: COLOR_TABLE });
  }
}

function segmentNotes(
  segments: readonly SlicerSegment[],
  classes: readonly string[],
): NonNullable<FileInspection['notes']> {
  const known = new Set(classes.map(plainName));
  const strange = segments.filter(({ name }) => !known.has(plainName(name)));
  if (strange.length === 0) return [];
  const list = strange.map(({ name, value }) => `"${name}" with the value ${value}, ${classText(classes[value])}`);
  const message = `has segments whose names are no class: ${list.join('; ')}`;
  return [{ severity: 'warning', message, fix: `check that they are the same organs; else ${COLOR_TABLE}` }];
}

/** Reads the header of labels in a file that ITK reads. @throws as {@link readLabels}. */
export async function inspectLabels(
  file: string,
  { grid, classes }: LabelTarget<Grid | null>,
): Promise<FileInspection> {
  const found = await inspectImage(file);
  const segments = await slicerSegments(file);
  if (segments === null) return found;
  const isPart = grid !== null && (isEmpty(found.grid) || offsetIn(grid, found.grid) !== null);
  return { ...found, grid: isPart ? grid : found.grid, notes: segmentNotes(segments, classes) };
}

/**
 * Reads labels from a file that ITK reads. A segmentation of 3D Slicer (.seg.nrrd) of one layer is a label map whose values
 * are those of its segments; one that was cut to what it holds is put back into its image.
 *
 * @returns values as the file has them, on the grid of the file, or of the image where that contains it
 * @throws ItkError `DMX_IMAGE_SEGMENTS` for several layers and for segments with the name of one class and the value of
 * another; those of {@link readImage}.
 */
export async function readLabels(file: string, { grid, classes }: LabelTarget<Grid>): Promise<Volume> {
  const labels = await readImage(file);
  const segments = await slicerSegments(file);
  if (segments === null) return labels;
  assertClasses(file, segments, classes);
  if (isEmpty(labels)) return { ...grid, data: new Uint8Array(voxelCount(grid.shape)) };
  const offset = offsetIn(grid, labels);
  if (offset === null) return labels;
  const [z, y, x] = offset;
  return { ...grid, data: crop(labels, { offset: [-z, -y, -x], shape: grid.shape }).data };
}
