import { open, rename, unlink } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { clearTemporaryFiles, temporaryPath, type Volume, writeNifti } from '@dinomix/volume';
import { ItkError } from '../errors.js';
import { callItk } from '../itk/call.js';
import { itkGridOf, largestCosine } from '../itk/geometry.js';

/** A class as the writers of labels need it: its value, its name and its colour in sRGB, 0..255. */
export interface LabelClass {
  readonly index: number;
  readonly name: string;
  readonly colour: readonly [red: number, green: number, blue: number];
}

/** How to write labels. */
export interface WriteLabelsOptions {
  /** With the background, in the order of their values. */
  readonly classes: readonly LabelClass[];
  readonly signal?: AbortSignal;
}

const NIFTI = /\.nii(\.gz)?$/i;
const FORMATS = /\.(nrrd|mha)$/i;
// What ITK still takes for right angles.
const SHEAR = 1e-4;

/** The segments in the fields that 3D Slicer reads from a .seg.nrrd file. */
function slicerFields({ shape, data }: Volume<Uint8Array>, classes: readonly LabelClass[]): [string, string][] {
  const present = new Uint8Array(256);
  for (const label of data) present[label] = 1;
  const extent = [...shape]
    .reverse()
    .map((size) => `0 ${size - 1}`)
    .join(' ');
  const found = classes.filter(({ index }) => index > 0 && present[index] === 1);
  return found.flatMap(({ index, name, colour }, place): [string, string][] => {
    const key = (field: string) => `Segment${place}_${field}`;
    return [
      [key('ID'), `class_${index}`],
      [key('Name'), name],
      [key('Color'), colour.map((value) => (value / 255).toFixed(6)).join(' ')],
      [key('LabelValue'), String(index)],
      [key('Layer'), '0'],
      [key('Extent'), extent],
    ];
  });
}

async function syncAndRename(temporary: string, file: string): Promise<void> {
  const handle = await open(temporary, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}

/**
 * Writes class indices to NRRD (.nrrd), MetaImage (.mha) or NIfTI (.nii, .nii.gz), compressed: to a temporary name, synced,
 * renamed. NRRD gets the names and colours of 3D Slicer's segmentations, NIfTI names in a header extension.
 *
 * @throws ItkError `DMX_IMAGE_WRITE`; `DMX_IMAGE_GEOMETRY` for axes that are not at right angles, which NRRD and MetaImage
 * cannot hold here.
 */
export async function writeLabels(
  path: string,
  labels: Volume<Uint8Array>,
  options: WriteLabelsOptions,
): Promise<void> {
  const { classes, signal } = options;
  const file = resolve(path);
  if (NIFTI.test(file)) {
    return writeNifti(file, labels, { labelNames: new Map(classes.map(({ index, name }) => [index, name])) });
  }
  if (!FORMATS.test(file)) {
    const fix = 'give it a name that ends in .nrrd, .mha, .nii or .nii.gz';
    throw new ItkError('DMX_IMAGE_WRITE', { file, problem: 'its name says no format that labels are written in', fix });
  }
  if (largestCosine(labels) > SHEAR) {
    const problem = 'the axes of the image are not at right angles, which ITK cannot write';
    throw new ItkError('DMX_IMAGE_GEOMETRY', { file, problem, fix: 'write the labels as .nii.gz' });
  }
  await clearTemporaryFiles(dirname(file));
  const temporary = await temporaryPath(file, extname(file));
  const image = { ...itkGridOf(labels), data: labels.data };
  const metadata = /\.nrrd$/i.test(file) ? slicerFields(labels, classes) : [];
  try {
    // The system says why a file cannot be made; ITK would not.
    await (await open(temporary, 'wx')).close();
    const answer = await callItk({ kind: 'write-image', file: temporary, image, metadata }, signal);
    if (answer.kind === 'failed') throw new Error(answer.text);
    await syncAndRename(temporary, file);
  } catch (cause) {
    await unlink(temporary).catch(() => undefined);
    signal?.throwIfAborted();
    const problem = `cannot be written: ${(cause as Error).message}`;
    const fix = 'check that the folder is there, writable and has space; a file that was there before is whole';
    throw new ItkError('DMX_IMAGE_WRITE', { file, problem, fix, cause });
  }
}
