import { open } from 'node:fs/promises';

// A segmentation of 3D Slicer with a hundred segments has 60 kB; others have some lines.
const LONGEST_HEADER = 2 ** 20;

/** The text at the beginning of a file: the header of NRRD, which ends with an empty line, or that of MetaImage. */
export async function headerText(file: string): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const bytes = Buffer.alloc(LONGEST_HEADER);
    const { bytesRead } = await handle.read(bytes, 0, LONGEST_HEADER, 0);
    return bytes.subarray(0, bytesRead).toString('utf8');
  } finally {
    await handle.close();
  }
}

/** The header of NRRD without what follows it. */
export async function nrrdHeader(file: string): Promise<string> {
  return (await headerText(file)).split(/\r?\n\r?\n/, 1)[0]!;
}
