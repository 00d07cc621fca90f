import { headerBytes } from '../header-text.js';
import { dataFilesOf } from './data-files.js';
import { type ElementType, headerError, type StoredImage, sizesOf, typeOf } from './stored-image.js';

// MET_LONG has the width that the machine of the writer gave it.
const TYPES: Readonly<Record<string, ElementType>> = {
  MET_CHAR: 'int8',
  MET_UCHAR: 'uint8',
  MET_SHORT: 'int16',
  MET_USHORT: 'uint16',
  MET_INT: 'int32',
  MET_UINT: 'uint32',
  MET_LONG_LONG: 'int64',
  MET_ULONG_LONG: 'uint64',
  MET_FLOAT: 'float32',
  MET_DOUBLE: 'float64',
};

// MetaIO counts in 32 bits.
const MOST_SKIPPED = 2 ** 31;
// MetaIO reads what is no number as 0.
const NUMBERS =
  /^\s*(Offset|Position|Origin|ElementSpacing|ElementSize|TransformMatrix|Rotation|Orientation)\s*=(.*)$/gim;

function assertNumbers(file: string, header: string): void {
  for (const [, name, text] of header.matchAll(NUMBERS)) {
    const numbers = text!.trim().split(/\s+/);
    if (numbers.every((number) => Number.isFinite(Number(number)))) continue;
    throw headerError(file, `its ${name} is "${text!.trim()}"`);
  }
}

/** What a MetaImage header says, as MetaIO reads it: ElementDataFile is the last field. @throws ItkError `DMX_IMAGE_READ`. */
export async function metaImage(file: string): Promise<StoredImage> {
  const bytes = (await headerBytes(file)).toString('latin1');
  const last = /^\s*ElementDataFile\s*=.*(\r?\n|$)/im.exec(bytes);
  if (last === null) throw headerError(file, 'it has no ElementDataFile');
  const header = bytes.slice(0, last.index + last[0].length);
  const field = (name: string) => new RegExp(`^\\s*(?:${name})\\s*=\\s*(.*?)\\s*$`, 'im').exec(header)?.[1];
  const isTrue = (name: string) => /^(true|yes|1)$/i.test(field(name) ?? '');
  assertNumbers(file, header);
  const { files, isBeside, isList } = await dataFilesOf(file);
  const isText = field('BinaryData') !== undefined && !isTrue('BinaryData');
  const packing = isTrue('CompressedData') ? 'deflate' : isText ? 'text' : 'raw';
  const skips = Number(field('HeaderSize') ?? 0);
  if (!(Number.isInteger(skips) && skips >= -1 && skips < MOST_SKIPPED))
    throw headerError(file, `its HeaderSize is ${skips}`);
  const dataStart = isBeside ? 0 : header.length;
  return {
    sizes: sizesOf(file, field('NDims'), field('DimSize')),
    type: typeOf(file, TYPES, (field('ElementType') ?? '').replace(/_ARRAY$/, '')),
    components: Number(field('ElementNumberOfChannels') ?? 1),
    littleEndian: !isTrue('BinaryDataByteOrderMSB|ElementByteOrderMSB'),
    packing,
    files,
    start: isText || isList || skips !== 0 ? null : packing === 'deflate' ? 0 : dataStart,
    packedFrom: dataStart,
  };
}
