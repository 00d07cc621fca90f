import { inflateRawSync } from 'node:zlib';
import { openRegularFile, readRegularFile } from '@dinomix/volume';
import dicomParser, { type DataSet } from 'dicom-parser';
import { ItkError } from '../errors.js';
import { asPart10 } from './preamble.js';

/** The attributes of a DICOM file up to its pixels. */
export interface ParsedDicom {
  readonly file: string;
  /** Bytes of the file, with the preamble that it may lack; of what it inflates to where it is deflated. */
  readonly size: number;
  /** Bytes that were put before those of the file: a preamble and what says how it is encoded. */
  readonly added: number;
  readonly transferSyntax: string;
  readonly dataSet: DataSet;
}

const PIXEL_DATA = 'x7fe00010';
// Headers of single images are some kilobytes; larger ones are read in a second step.
const FIRST_BYTES = 2 ** 18;
const MOST_BYTES = 2 ** 30;
const DEFLATED = '1.2.840.10008.1.2.1.99';
// A deflated file is held twice: at most 64 MiB, or four times the file.
const MOST_INFLATED = 2 ** 25;

const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;

function inflate(bytes: Uint8Array, position: number): Uint8Array {
  const most = Math.max(MOST_INFLATED, 2 * bytes.length);
  try {
    const inflated = inflateRawSync(bytes.subarray(position), { maxOutputLength: most });
    return Buffer.concat([bytes.subarray(0, position), inflated]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw error;
    throw new Error(
      `it inflates to more than ${megabytes(most)}; undo the deflation first, for example with dcmconv +te`,
    );
  }
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

/** The error of a file that breaks the rules of DICOM. */
export function damaged(file: string, thrown: unknown): ItkError {
  return new ItkError('DMX_DICOM_SLICE', {
    file,
    problem: `is not readable as DICOM: ${reasonOf(thrown).replace(/^dicomParser\.\w+: /, '')}`,
    fix: 'the file is cut off or damaged: fetch it again, or take it out of the folder',
  });
}

function unreadable(file: string, cause: unknown): ItkError {
  const problem = `cannot be read: ${reasonOf(cause)}`;
  return new ItkError('DMX_DICOM_SLICE', { file, problem, fix: 'check that the file is there and may be read', cause });
}

interface StartOfFile {
  readonly bytes: Uint8Array;
  readonly size: number;
}

async function startOf(file: string): Promise<StartOfFile> {
  try {
    const { file: handle, size } = await openRegularFile(file);
    try {
      const bytes = new Uint8Array(Math.min(size, FIRST_BYTES));
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
      return { bytes: bytes.subarray(0, bytesRead), size };
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw unreadable(file, cause);
  }
}

/** Null where the bytes are not those of a DICOM file. */
function parsedOf(file: string, start: StartOfFile, untilTag: string | undefined): ParsedDicom | null {
  const whole = asPart10(start.bytes);
  if (whole === null) return null;
  const added = whole.length - start.bytes.length;
  const dataSet = parse(whole, untilTag);
  const transferSyntax = dataSet.string('x00020010') ?? '';
  const size = transferSyntax === DEFLATED ? dataSet.byteArray.length : start.size + added;
  return { file, size, added, transferSyntax, dataSet };
}

/**
 * Reads the attributes of a DICOM file up to its pixels; null where it is none (neither `DICM` behind a preamble, nor
 * attributes without one).
 *
 * @throws ItkError `DMX_DICOM_SLICE` for a file that cannot be opened, and for a DICOM file that is damaged.
 */
export async function parseHeader(file: string): Promise<ParsedDicom | null> {
  const start = await startOf(file);
  try {
    return parsedOf(file, start, PIXEL_DATA);
  } catch (thrown) {
    if (start.size <= FIRST_BYTES) throw damaged(file, thrown);
  }
  return parseFile(file, PIXEL_DATA);
}

/** Reads a whole DICOM file, pixels included. @throws as {@link parseHeader}; `DMX_IMAGE_SIZE` above 2^30 bytes. */
export function parseWhole(file: string): Promise<ParsedDicom | null> {
  return parseFile(file, undefined);
}

async function parseFile(file: string, untilTag: string | undefined): Promise<ParsedDicom | null> {
  const { size } = await startOf(file);
  if (size > MOST_BYTES) {
    const problem = `has ${size} bytes; at most ${MOST_BYTES} are read`;
    throw new ItkError('DMX_IMAGE_SIZE', { file, problem, fix: 'split it into smaller files' });
  }
  const bytes = await readRegularFile(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  try {
    return parsedOf(file, { bytes, size: bytes.length }, untilTag);
  } catch (thrown) {
    throw damaged(file, thrown);
  }
}
