const PREAMBLE = 128;
const MAGIC = 'DICM';
const IMPLICIT = '1.2.840.10008.1.2';
const EXPLICIT = '1.2.840.10008.1.2.1';
const BIG_ENDIAN = '1.2.840.10008.1.2.2';
// Group and element of what a file without a preamble begins with: the length of the file meta information, or an attribute
// of the image's identity up to its modality.
const META_GROUP = 0x0002;
const IDENTITY_GROUP = 0x0008;
const LAST_ELEMENT = 0x0060;
const LONGEST_FIRST_VALUE = 1024;

const isRepresentation = (bytes: Buffer) => /^[A-Z]{2}$/.test(bytes.toString('latin1', 4, 6));

/** The transfer syntax of attributes that begin a file without file meta information; null where they are none. */
function syntaxOf(bytes: Buffer): string | null {
  const isIdentity = (group: number, element: number) => group === IDENTITY_GROUP && element <= LAST_ELEMENT;
  if (isIdentity(bytes.readUInt16LE(0), bytes.readUInt16LE(2))) {
    if (isRepresentation(bytes)) return EXPLICIT;
    return bytes.readUInt32LE(4) <= LONGEST_FIRST_VALUE ? IMPLICIT : null;
  }
  const isBig = isIdentity(bytes.readUInt16BE(0), bytes.readUInt16BE(2)) && isRepresentation(bytes);
  return isBig ? BIG_ENDIAN : null;
}

function element(number: number, vr: string, value: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16LE(META_GROUP, 0);
  head.writeUInt16LE(number, 2);
  head.write(vr, 4, 'latin1');
  head.writeUInt16LE(value.length, 6);
  return Buffer.concat([head, value]);
}

/** File meta information that says the transfer syntax (PS3.10 7.1). */
function metaOf(syntax: string): Buffer {
  const text = syntax.length % 2 === 0 ? syntax : `${syntax}\0`;
  const uid = element(0x0010, 'UI', Buffer.from(text, 'latin1'));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(uid.length, 0);
  return Buffer.concat([element(0x0000, 'UL', length), uid]);
}

/**
 * The bytes of a DICOM file with preamble and file meta information, which files of old scanners and programs lack; null
 * where they are not those of a DICOM file.
 */
export function asPart10(bytes: Uint8Array): Uint8Array | null {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (start.toString('latin1', PREAMBLE, PREAMBLE + MAGIC.length) === MAGIC) return bytes;
  if (bytes.length < 8) return null;
  const prefix = Buffer.concat([Buffer.alloc(PREAMBLE), Buffer.from(MAGIC)]);
  const beginsWithMeta = start.readUInt16LE(0) === META_GROUP && start.readUInt16LE(2) === 0 && isRepresentation(start);
  if (beginsWithMeta) return Buffer.concat([prefix, bytes]);
  const syntax = syntaxOf(start);
  return syntax === null ? null : Buffer.concat([prefix, metaOf(syntax), bytes]);
}
