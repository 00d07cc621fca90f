/** Value of one attribute: text, numbers, the items of a sequence, or bytes. */
export type DicomValue = string | readonly number[] | readonly DicomDataset[] | Uint8Array;

/** One attribute: tag (group and element), value representation, value. */
export type DicomElement = readonly [tag: number, vr: string, value: DicomValue];

/** Attributes of a file or of an item of a sequence, in any order. */
export type DicomDataset = readonly DicomElement[];

// Representations whose length takes four bytes, behind two that are reserved (PS3.5 7.1.2).
const LONG = new Set(['OB', 'OW', 'SQ', 'UN', 'UT']);
const PREAMBLE = 128;
const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
// A UID of the form 2.25.<UUID as an integer>, which anybody may make (PS3.5 B.2).
const IMPLEMENTATION = '2.25.229451600072090404564844894284998027179';

function headOf(tag: number, vr: string, length: number): Buffer {
  const isLong = LONG.has(vr);
  const head = Buffer.alloc(isLong ? 12 : 8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  if (isLong) head.writeUInt32LE(length, 8);
  else head.writeUInt16LE(length, 6);
  return head;
}

function paddedText(vr: string, text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from(vr === 'UI' ? '\0' : ' ')]);
}

function numberBytes(vr: string, numbers: readonly number[]): Buffer {
  // A tag as a value is its group, then its element.
  const shorts = vr === 'AT' ? numbers.flatMap((tag) => [tag >>> 16, tag & 0xffff]) : numbers;
  const width = vr === 'UL' ? 4 : 2;
  const bytes = Buffer.alloc(width * shorts.length);
  for (const [index, value] of shorts.entries()) {
    if (width === 4) bytes.writeUInt32LE(value, 4 * index);
    else bytes.writeUInt16LE(value, 2 * index);
  }
  return bytes;
}

function sequenceBytes(items: readonly DicomDataset[]): Uint8Array[] {
  return items.flatMap((item) => {
    const content = encodeDataset(item);
    const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
    head.writeUInt32LE(lengthOf(content), 4);
    return [head, ...content];
  });
}

const lengthOf = (pieces: readonly Uint8Array[]) => pieces.reduce((sum, { length }) => sum + length, 0);

function valueBytes(vr: string, value: DicomValue): readonly Uint8Array[] {
  if (typeof value === 'string') return [paddedText(vr, value)];
  if (value instanceof Uint8Array) return value.length % 2 === 0 ? [value] : [value, new Uint8Array(1)];
  if (vr === 'SQ') return sequenceBytes(value as readonly DicomDataset[]);
  return [numberBytes(vr, value as readonly number[])];
}

/** The attributes in explicit VR little endian (PS3.5 7.1.2), sorted by tag, text in UTF-8. */
export function encodeDataset(dataset: DicomDataset): Uint8Array[] {
  return [...dataset]
    .sort(([a], [b]) => a - b)
    .flatMap(([tag, vr, value]) => {
      const content = valueBytes(vr, value);
      return [headOf(tag, vr, lengthOf(content)), ...content];
    });
}

/** A whole file: preamble, file meta information (PS3.10 7.1) and data set. */
export function encodeFile(sopClass: string, sopInstance: string, dataset: DicomDataset): Uint8Array[] {
  const meta = encodeDataset([
    [0x00020001, 'OB', Uint8Array.of(0, 1)],
    [0x00020002, 'UI', sopClass],
    [0x00020003, 'UI', sopInstance],
    [0x00020010, 'UI', EXPLICIT_LITTLE_ENDIAN],
    [0x00020012, 'UI', IMPLEMENTATION],
    [0x00020013, 'SH', 'DINOMIX'],
  ]);
  const length = encodeDataset([[0x00020000, 'UL', [lengthOf(meta)]]]);
  return [Buffer.alloc(PREAMBLE), Buffer.from('DICM'), ...length, ...meta, ...encodeDataset(dataset)];
}
