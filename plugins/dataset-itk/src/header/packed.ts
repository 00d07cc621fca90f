import { constants, createUnzip, gunzipSync } from 'node:zlib';
import { openRegularFile, VolumeError } from '@dinomix/volume';
import { headerError } from './stored-image.js';

const CHUNK = 2 ** 16;
// Compressed bytes for the start of a file: enough for a header, and at most 4 MB when they are inflated.
const HEAD = 2 ** 12;
// Whatever follows the voxels is inflated only to reach the checksum.
const LONGEST_TAIL = 2 ** 26;

function readError(file: string, cause: unknown): VolumeError {
  const problem = `cannot be read: ${(cause as Error).message}`;
  return new VolumeError('DMX_FILE_READ', { file, problem, fix: 'check the path and the permissions', cause });
}

/** The first bytes of a file, inflated where it is compressed with gzip. @throws VolumeError `DMX_FILE_READ`. */
export async function inflatedStart(file: string, count: number): Promise<{ start: Buffer; isPacked: boolean }> {
  const head = Buffer.alloc(HEAD);
  try {
    const { file: handle } = await openRegularFile(file);
    const { bytesRead } = await handle.read(head, 0, HEAD, 0).finally(() => handle.close());
    const there = head.subarray(0, bytesRead);
    const isPacked = there[0] === 0x1f && there[1] === 0x8b;
    if (!isPacked) return { start: there.subarray(0, count), isPacked };
    return { start: gunzipSync(there, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, count), isPacked };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code?.startsWith('Z_')) throw headerError(file, damageOf(error));
    throw readError(file, error);
  }
}

function damageOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'Z_BUF_ERROR'
    ? 'its compressed data ends in the middle'
    : `its compressed data is damaged: ${message}`;
}

/** Where compressed data lies in a file, and the file that messages name. */
export interface PackedData {
  readonly file: string;
  readonly from: number;
  readonly header: string;
}

/**
 * Inflates compressed data (zlib or gzip) to its end, so that its checksum is verified.
 *
 * @param take - gets the pieces one after another
 * @param most - bytes that are wanted: data that goes on far beyond them is refused
 * @throws ItkError `DMX_IMAGE_READ` for data that is damaged, cut off or goes on; VolumeError `DMX_FILE_READ`.
 */
export async function inflateAll(
  { file, from, header }: PackedData,
  most: number,
  take: (piece: Uint8Array) => void,
): Promise<void> {
  const { file: handle } = await openRegularFile(file).catch((error: unknown) => {
    throw readError(file, error);
  });
  const source = handle.createReadStream({ start: from, highWaterMark: CHUNK, autoClose: false });
  const inflating = createUnzip({ chunkSize: CHUNK });
  source.on('error', (error) => inflating.destroy(error));
  let length = 0;
  try {
    for await (const piece of source.pipe(inflating) as AsyncIterable<Uint8Array>) {
      length += piece.length;
      if (length > most + LONGEST_TAIL) {
        throw headerError(header, `it goes on for more than ${LONGEST_TAIL} bytes after its voxels`);
      }
      take(piece);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code?.startsWith('Z_')) throw headerError(header, damageOf(error));
    throw error;
  } finally {
    source.destroy();
    await handle.close();
  }
}
