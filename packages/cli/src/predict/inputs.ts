import { closeSync, type Dirent, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { usageError } from '../errors.js';

/** What a path holds: a NIfTI file, a file that ITK reads, or a folder with the files of a DICOM series. */
export type InputKind = 'nifti' | 'image' | 'dicom';

/** One image to predict. Absolute path. */
export interface PredictionInput {
  readonly path: string;
  readonly kind: InputKind;
}

/** Endings of the files that ITK reads. */
export const IMAGE_ENDING = /\.(nrrd|nhdr|mha|mhd|mgz|mgh|gipl)$/i;
export const NIFTI_ENDING = /\.nii(\.gz)?$/i;

function fileKind(name: string): InputKind | null {
  if (NIFTI_ENDING.test(name)) return 'nifti';
  return IMAGE_ENDING.test(name) ? 'image' : null;
}

const PREAMBLE = 128;
const [META_GROUP, IDENTITY_GROUP, LAST_IDENTITY, LONGEST_VALUE] = [0x0002, 0x0008, 0x0060, 1024];

/** Whether bytes begin with an attribute as DICOM files without a preamble do: of the file, or of the image's identity. */
function beginsWithAttribute(start: Buffer): boolean {
  if (start.length < 8) return false;
  const hasRepresentation = /^[A-Z]{2}$/.test(start.toString('latin1', 4, 6));
  const isIdentity = (group: number, element: number) => group === IDENTITY_GROUP && element <= LAST_IDENTITY;
  const [group, element] = [start.readUInt16LE(0), start.readUInt16LE(2)];
  if (group === META_GROUP && element === 0) return hasRepresentation;
  if (isIdentity(group, element)) return hasRepresentation || start.readUInt32LE(4) <= LONGEST_VALUE;
  return hasRepresentation && isIdentity(start.readUInt16BE(0), start.readUInt16BE(2));
}

/**
 * Whether a file is DICOM: `DICM` behind a preamble of 128 bytes (PS3.10 7.1), or attributes without one. One that cannot be
 * read is none.
 */
function isDicom(file: string): boolean {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return false;
  const bytes = Buffer.alloc(PREAMBLE + 4);
  let handle: number | undefined;
  try {
    handle = openSync(file, 'r');
    const start = bytes.subarray(0, readSync(handle, bytes, 0, bytes.length, 0));
    return start.toString('latin1', PREAMBLE) === 'DICM' || beginsWithAttribute(start);
  } catch {
    return false;
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

/** Links to files are files; links to folders, which may lead back, are not followed. */
function isFile(folder: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return entry.isFile();
  return statSync(join(folder, entry.name), { throwIfNoEntry: false })?.isFile() === true;
}

function inputsOfFolder(folder: string): PredictionInput[] {
  const entries = readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const files = entries.filter((entry) => isFile(folder, entry));
  const images = files.flatMap(({ name }): PredictionInput[] => {
    const kind = fileKind(name);
    return kind === null ? [] : [{ path: join(folder, name), kind }];
  });
  // A DICOMDIR lists files of other folders.
  const others = files.filter(({ name }) => fileKind(name) === null && name !== 'DICOMDIR');
  const series = others.some(({ name }) => isDicom(join(folder, name)))
    ? [{ path: folder, kind: 'dicom' as const }]
    : [];
  if (images.length + series.length > 0) return [...images, ...series];
  return entries.filter((entry) => entry.isDirectory()).flatMap(({ name }) => inputsOfFolder(join(folder, name)));
}

/**
 * The images behind a path: a file, the image files of a folder, a folder that holds a DICOM series, or the folders of
 * either kind below it.
 *
 * @throws DMX_CLI_INPUT where there is none.
 */
export function findInputs(path: string): readonly PredictionInput[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw usageError('DMX_CLI_INPUT', { path, problem: 'There is no such file or folder.' });
  if (found.isDirectory()) {
    const inputs = inputsOfFolder(path);
    if (inputs.length > 0) return inputs;
    throw usageError('DMX_CLI_INPUT', { path, problem: 'It holds no NIfTI, NRRD, MetaImage or DICOM file.' });
  }
  const kind = fileKind(path);
  if (kind !== null) return [{ path, kind }];
  const problem = isDicom(path)
    ? 'It is one file of a DICOM series; name the folder of the series.'
    : 'Its name is not that of a NIfTI, NRRD or MetaImage file.';
  throw usageError('DMX_CLI_INPUT', { path, problem });
}
