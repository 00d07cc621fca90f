import { headerBytes } from '../header-text.js';
import { dataFilesOf } from './data-files.js';
import { type ElementType, headerError, type StoredImage, sizesOf, typeOf } from './stored-image.js';

// teem's names of element types, "Definition of NRRD File Format", section 5.
const TYPES: Readonly<Record<string, ElementType>> = Object.fromEntries(
  (
    [
      ['int8', 'signed char|int8|int8_t'],
      ['uint8', 'uchar|unsigned char|uint8|uint8_t'],
      ['int16', 'short|short int|signed short|signed short int|int16|int16_t'],
      ['uint16', 'ushort|unsigned short|unsigned short int|uint16|uint16_t'],
      ['int32', 'int|signed int|int32|int32_t'],
      ['uint32', 'uint|unsigned int|uint32|uint32_t'],
      ['int64', 'longlong|long long|long long int|signed long long|signed long long int|int64|int64_t'],
      ['uint64', 'ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t'],
      ['float32', 'float'],
      ['float64', 'double'],
    ] as const
  ).flatMap(([type, names]) => names.split('|').map((name) => [name, type])),
);

const PACKINGS: Readonly<Record<string, StoredImage['packing']>> = {
  raw: 'raw',
  gzip: 'deflate',
  gz: 'deflate',
  txt: 'text',
  text: 'text',
  ascii: 'text',
  // Two characters a byte.
  hex: 'text',
};

/** What an NRRD header says, by teem's specification. @throws ItkError `DMX_IMAGE_READ`. */
export async function nrrdImage(file: string): Promise<StoredImage> {
  const bytes = (await headerBytes(file)).toString('latin1');
  if (!bytes.startsWith('NRRD')) throw headerError(file, 'it does not begin with "NRRD"');
  const end = /\r?\n\r?\n/.exec(bytes);
  const header = end === null ? bytes : bytes.slice(0, end.index);
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*?)\\s*$`, 'im').exec(header)?.[1];
  const encoding = field('encoding')?.toLowerCase() ?? '';
  if (!Object.hasOwn(PACKINGS, encoding))
    throw headerError(file, `it has the encoding "${encoding}"; raw and gzip are read`);
  const { files, isBeside, isList } = await dataFilesOf(file);
  const skips = [field('line ?skip'), field('byte ?skip')].some((text) => text !== undefined && Number(text) !== 0);
  const packing = PACKINGS[encoding]!;
  const dataStart = isBeside ? 0 : end === null ? bytes.length : end.index + end[0].length;
  return {
    sizes: sizesOf(file, field('dimension'), field('sizes')),
    type: typeOf(file, TYPES, field('type')?.toLowerCase() ?? ''),
    components: 1,
    littleEndian: field('endian')?.toLowerCase() !== 'big',
    packing,
    files,
    start: packing === 'text' || skips || isList ? null : packing === 'deflate' ? 0 : dataStart,
    packedFrom: dataStart,
  };
}
