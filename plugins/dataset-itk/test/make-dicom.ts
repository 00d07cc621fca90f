import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { temporaryFolder } from './python.js';

// PS3.5: transfer syntaxes A.1 to A.5 and the run-length encoding of annex G.
export const SYNTAX = {
  implicit: '1.2.840.10008.1.2',
  explicit: '1.2.840.10008.1.2.1',
  deflated: '1.2.840.10008.1.2.1.99',
  bigEndian: '1.2.840.10008.1.2.2',
  rle: '1.2.840.10008.1.2.5',
} as const;

export const CT = '1.2.840.10008.5.1.4.1.1.2';
export const MR = '1.2.840.10008.5.1.4.1.1.4';

const LONG = new Set(['OB', 'OW', 'SQ', 'UN', 'UT']);
const UNDEFINED = 0xffffffff;

/** What one slice is made of; three rows of four pixels. */
export interface SliceSpec {
  readonly syntax?: keyof typeof SYNTAX;
  /** Stored numbers, 12 of them. */
  readonly stored?: readonly number[];
  readonly bits?: readonly [allocated: number, stored: number];
  readonly signed?: boolean;
  /** Attributes by tag: [representation, value]; undefined leaves one out. */
  readonly set?: Readonly<Record<number, readonly [string, string | number] | undefined>>;
  readonly sopInstance?: string;
  readonly height?: number;
  /** How the file begins. Default a preamble and file meta information. */
  readonly begin?: 'preamble' | 'meta' | 'data set';
  /** Zeros that follow the attributes, in a last one of its own. */
  readonly trailing?: number;
}

export const ROWS = 3;
export const COLUMNS = 4;

const even = (bytes: Buffer, pad: number) => (bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.of(pad)]));

function elementBytes(
  tag: number,
  vr: string,
  value: Buffer,
  syntax: keyof typeof SYNTAX,
  length = value.length,
): Buffer {
  const isBig = syntax === 'bigEndian';
  const isLong = LONG.has(vr) && syntax !== 'implicit';
  const head = Buffer.alloc(isLong ? 12 : 8);
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  view.setUint16(0, tag >>> 16, !isBig);
  view.setUint16(2, tag & 0xffff, !isBig);
  if (syntax === 'implicit') view.setUint32(4, length, true);
  else {
    head.write(vr, 4, 'latin1');
    if (isLong) view.setUint32(8, length, !isBig);
    else view.setUint16(6, length, !isBig);
  }
  return Buffer.concat([head, value]);
}

function numbers(values: readonly number[], bits: number, isBig: boolean): Buffer {
  const width = bits / 8;
  const bytes = Buffer.alloc(values.length * width);
  for (const [index, value] of values.entries()) {
    const low = value < 0 ? value + 2 ** bits : value;
    if (isBig) bytes.writeUIntBE(low, index * width, width);
    else bytes.writeUIntLE(low, index * width, width);
  }
  return bytes;
}

/** One segment for each byte of a pixel, highest first, all of it literal (PS3.5 G.3 to G.5). */
function runLength(pixels: Buffer, width: number): Buffer {
  const segments = Array.from({ length: width }, (_, part) => {
    const plane = Buffer.from(pixels.filter((_, index) => index % width === width - 1 - part));
    return even(Buffer.concat([Buffer.of(plane.length - 1), plane]), 0);
  });
  const header = Buffer.alloc(64);
  header.writeUInt32LE(width, 0);
  let offset = 64;
  for (const [index, segment] of segments.entries()) {
    header.writeUInt32LE(offset, 4 + 4 * index);
    offset += segment.length;
  }
  return Buffer.concat([header, ...segments]);
}

function pixelElement(pixels: Buffer, bits: number, syntax: keyof typeof SYNTAX): Buffer {
  if (syntax !== 'rle') return elementBytes(0x7fe00010, bits > 8 ? 'OW' : 'OB', even(pixels, 0), syntax);
  const item = (content: Buffer) => {
    const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
    head.writeUInt32LE(content.length, 4);
    return Buffer.concat([head, content]);
  };
  const end = Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
  const content = Buffer.concat([item(Buffer.alloc(0)), item(runLength(pixels, bits / 8)), end]);
  return elementBytes(0x7fe00010, 'OB', content, syntax, UNDEFINED);
}

/** The bytes of one slice, axial, 0.8 x 0.7 mm. */
export function dicomSlice(spec: SliceSpec = {}): Buffer {
  const { syntax = 'explicit', bits: [allocated, used] = [16, 16], signed = false, height = 0 } = spec;
  const { sopInstance = `1.2.3.${Math.round(100 + height)}`, begin = 'preamble', trailing = 0 } = spec;
  const stored = spec.stored ?? Array.from({ length: ROWS * COLUMNS }, (_, index) => 10 * index);
  const attributes: Record<number, readonly [string, string | number] | undefined> = {
    524310: ['UI', CT],
    524312: ['UI', sopInstance],
    524384: ['CS', 'CT'],
    2097165: ['UI', '1.2.3.1'],
    2097166: ['UI', '1.2.3.2'],
    2097202: ['DS', `-10\\-20\\${height}`],
    2097207: ['DS', '1\\0\\0\\0\\1\\0'],
    2097234: ['UI', '1.2.3.3'],
    2621442: ['US', 1],
    2621444: ['CS', 'MONOCHROME2'],
    2621456: ['US', ROWS],
    2621457: ['US', COLUMNS],
    2621488: ['DS', '0.8\\0.7'],
    2621696: ['US', allocated],
    2621697: ['US', used],
    2621698: ['US', used - 1],
    2621699: ['US', signed ? 1 : 0],
    2625618: ['DS', '-1024'],
    2625619: ['DS', '1'],
    ...spec.set,
  };
  const isBig = syntax === 'bigEndian';
  const valueBytes = ([vr, value]: readonly [string, string | number]) =>
    typeof value === 'number' ? numbers([value], 16, isBig) : even(Buffer.from(value), vr === 'UI' ? 0 : 32);
  const parts = Object.entries(attributes)
    .sort(([a], [b]) => Number(a) - Number(b))
    .flatMap(([tag, one]) => (one === undefined ? [] : [elementBytes(Number(tag), one[0], valueBytes(one), syntax)]));
  parts.push(pixelElement(numbers(stored, allocated, isBig), allocated, syntax));
  if (trailing > 0) parts.push(elementBytes(0xfffcfffc, 'OB', Buffer.alloc(trailing), syntax));
  const dataSet = syntax === 'deflated' ? deflateRawSync(Buffer.concat(parts)) : Buffer.concat(parts);
  if (begin === 'data set') return dataSet;
  const meta = [
    elementBytes(0x00020001, 'OB', Buffer.of(0, 1), 'explicit'),
    elementBytes(0x00020010, 'UI', even(Buffer.from(SYNTAX[syntax]), 0), 'explicit'),
  ];
  const length = numbers([Buffer.concat(meta).length], 32, false);
  const file = Buffer.concat([elementBytes(0x00020000, 'UL', length, 'explicit'), ...meta, dataSet]);
  return begin === 'meta' ? file : Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), file]);
}

/** Writes slices 2.5 mm apart as a series, in the order of their heights; returns its folder. */
export function dicomSeries(...specs: readonly SliceSpec[]): string {
  const folder = temporaryFolder();
  mkdirSync(folder, { recursive: true });
  for (const [index, spec] of specs.entries()) {
    writeFileSync(join(folder, `IM${index}`), dicomSlice({ height: 2.5 * index, ...spec }));
  }
  return folder;
}
