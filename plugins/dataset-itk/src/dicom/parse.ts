import { open } from 'node:fs/promises';
import { inflateRawSync } from 'node:zlib';
import dicomParser, { type DataSet } from 'dicom-parser';
import { ItkError } from '../errors.js';

/** The attributes of a DICOM file up to its pixels. */
export interface ParsedDicom {
  readonly file: string;
  readonly size: number;
  readonly dataSet: DataSet;
}

const PIXEL_DATA = 'x7fe00010';
// Headers of single images are some kilobytes; larger ones are read in a second step.
const FIRST_BYTES = 2 ** 18;
const MOST_BYTES = 2 ** 30;
const MAGIC_OFFSET = 128;

function inflate(bytes: Uint8Array, position: number): Uint8Array {
  const inflated = inflateRawSync(bytes.subarray(position), { maxOutputLength: MOST_BYTES });
  return Buffer.concat([bytes.subarray(0, position), inflated]);
}

function parse(bytes: Uint8Array, untilTag: string | undefined): DataSet {
  return dicomParser.parseDicom(bytes, {
    inflater: inflate as (bytes: Uint8Array, position: number) => void,
    ...(untilTag === undefined ? {} : { untilTag }),
  });
}

/** dicom-parser throws texts, objects with an `exception`, and errors. */
function reasonOf(thrown: unknown): string {
  if (typeof thrown === 'object' && thrown !== null && 'exception' in thrown) return reasonOf(thrown.exception);
  return thrown instanceof Error ? thrown.message : String(thrown);
}

interface StartOfFile {
  readonly bytes: Uint8Array;
  readonly size: number;
}

async function bytesOf(file: string, length: number): Promise<StartOfFile> {
  return readStart(file, length).catch((cause: unknown) => {
    const problem = `cannot be read: ${reasonOf(cause)}`;
    throw new ItkError('DMX_DICOM_SLICE', {
      file,
      problem,
      fix: 'check that the file is there and may be read',
      cause,
    });
  });
}

async function readStart(file: string, length: number): Promise<StartOfFile> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const bytes = new Uint8Array(Math.min(size, length));
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return { bytes: bytes.subarray(0, filled), size };
  } finally {
    await handle.close();
  }
}

const hasMagic = (bytes: Uint8Array) =>
  Buffer.from(bytes.subarray(MAGIC_OFFSET, MAGIC_OFFSET + 4)).toString('latin1') === 'DICM';

function damaged(file: string, thrown: unknown): ItkError {
  return new ItkError('DMX_DICOM_SLICE', {
    file,
    problem: `is not readable as DICOM: ${reasonOf(thrown).replace(/^dicomParser\.\w+: /, '')}`,
    fix: 'the file is cut off or damaged: fetch it again, or take it out of the folder',
  });
}

/**
 * Reads the attributes of a DICOM file up to its pixels; null where it is none (no `DICM` behind the preamble).
 *
 * @throws ItkError `DMX_DICOM_SLICE` for a file that cannot be opened, and for a DICOM file that is damaged.
 */
export async function parseHeader(file: string): Promise<ParsedDicom | null> {
  const start = await bytesOf(file, FIRST_BYTES);
  if (!hasMagic(start.bytes)) return null;
  try {
    return { file, size: start.size, dataSet: parse(start.bytes, PIXEL_DATA) };
  } catch (thrown) {
    if (start.size <= FIRST_BYTES) throw damaged(file, thrown);
  }
  const whole = await bytesOf(file, MOST_BYTES);
  try {
    return { file, size: whole.size, dataSet: parse(whole.bytes, PIXEL_DATA) };
  } catch (thrown) {
    throw damaged(file, thrown);
  }
}

/** Reads a whole DICOM file, pixels included. @throws as {@link parseHeader}; `DMX_IMAGE_SIZE` above 2^30 bytes. */
export async function parseWhole(file: string): Promise<ParsedDicom | null> {
  const { bytes, size } = await bytesOf(file, MOST_BYTES);
  if (!hasMagic(bytes)) return null;
  if (size > MOST_BYTES) {
    const problem = `has ${size} bytes; at most ${MOST_BYTES} are read`;
    throw new ItkError('DMX_IMAGE_SIZE', { file, problem, fix: 'split it into smaller files' });
  }
  try {
    return { file, size, dataSet: parse(bytes, undefined) };
  } catch (thrown) {
    throw damaged(file, thrown);
  }
}
