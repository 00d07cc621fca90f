import { openRegularFile, VolumeError } from '@dinomix/volume';

// A segmentation of 3D Slicer with a hundred segments has 60 kB; others have some lines.
const LONGEST_HEADER = 2 ** 20;

/**
 * The bytes at the beginning of a file: the header of NRRD, which ends with an empty line, or that of MetaImage.
 * @throws VolumeError `DMX_FILE_READ`.
 */
export async function headerBytes(file: string): Promise<Buffer> {
  try {
    const { file: handle, size } = await openRegularFile(file);
    try {
      const bytes = Buffer.alloc(Math.min(LONGEST_HEADER, size));
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
      return bytes.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    const problem = `cannot be read: ${(cause as Error).message}`;
    throw new VolumeError('DMX_FILE_READ', { file, problem, fix: 'check the path and the permissions', cause });
  }
}

/** The text at the beginning of a file. @throws VolumeError `DMX_FILE_READ`. */
export async function headerText(file: string): Promise<string> {
  return (await headerBytes(file)).toString('utf8');
}

/** The header of NRRD without what follows it. @throws VolumeError `DMX_FILE_READ`. */
export async function nrrdHeader(file: string): Promise<string> {
  return (await headerText(file)).split(/\r?\n\r?\n/, 1)[0]!;
}
