import { dirname, relative, resolve } from 'node:path';
import { filesIn, namedDataFile } from '../files-behind.js';
import { headerError } from './stored-image.js';

/** The files that hold the voxels behind a header. */
export interface DataFiles {
  /** All files of the folder where the header has a list or a pattern. */
  readonly files: readonly string[];
  /** Whether they are not in the file of the header. */
  readonly isBeside: boolean;
  readonly isList: boolean;
}

/**
 * Where the voxels behind the header of an NRRD or MetaImage file are.
 *
 * @throws ItkError `DMX_IMAGE_READ` for a file outside of the header's folder: a header must not choose what of a machine is read.
 */
export async function dataFilesOf(file: string): Promise<DataFiles> {
  const named = await namedDataFile(file);
  if (named === undefined) return { files: [file], isBeside: false, isList: false };
  const folder = dirname(file);
  if (/^LIST|%/.test(named)) return { files: await filesIn(folder), isBeside: true, isList: true };
  const path = resolve(folder, named);
  if (/^\.\.([/\\]|$)/.test(relative(folder, path))) {
    throw headerError(file, `it names ${named} for its voxels, which is outside of its folder`);
  }
  return { files: [path], isBeside: true, isList: false };
}
