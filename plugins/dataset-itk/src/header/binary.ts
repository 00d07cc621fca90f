import { inflatedStart } from './packed.js';
import { type ElementType, headerError, type StoredImage, typeOf } from './stored-image.js';

const MGH_BYTES = 284;
// FreeSurfer's MRI_UCHAR, MRI_INT, MRI_FLOAT, MRI_SHORT.
const MGH_TYPES: Readonly<Record<number, ElementType>> = { 0: 'uint8', 1: 'int32', 3: 'float32', 4: 'int16' };

const GIPL_BYTES = 256;
const GIPL_MAGIC = [719555000, 4026526128];
const GIPL_TYPES: Readonly<Record<number, ElementType>> = {
  7: 'int8',
  8: 'uint8',
  15: 'int16',
  16: 'uint16',
  31: 'uint32',
  32: 'int32',
  64: 'float32',
  65: 'float64',
};

interface BinaryHeader {
  readonly bytes: number;
  readonly sizes: readonly number[];
  readonly type: ElementType;
}

function mghHeader(file: string, start: Buffer): BinaryHeader {
  const [version, width, height, depth, frames, type] = [0, 4, 8, 12, 16, 20].map((at) => start.readInt32BE(at));
  if (version !== 1) throw headerError(file, `it has the version ${version} of the MGH format; 1 is known`);
  const sizes = [width!, height!, depth!, ...(frames === 1 ? [] : [frames!])];
  return { bytes: MGH_BYTES, sizes, type: typeOf(file, MGH_TYPES, type!) };
}

function giplHeader(file: string, start: Buffer): BinaryHeader {
  if (!GIPL_MAGIC.includes(start.readUInt32BE(GIPL_BYTES - 4)))
    throw headerError(file, 'it has no magic number of GIPL');
  const sides = [0, 2, 4, 6].map((at) => start.readUInt16BE(at));
  // An axis that is not there has 0 or 1.
  const sizes = sides.filter((size, axis) => axis < 2 || size > 1);
  return { bytes: GIPL_BYTES, sizes, type: typeOf(file, GIPL_TYPES, start.readUInt16BE(8)) };
}

/** What the header of an MGH or GIPL file says; both may be compressed whole. @throws ItkError `DMX_IMAGE_READ`. */
export async function binaryImage(file: string): Promise<StoredImage> {
  const isGipl = /\.gipl(\.gz)?$/i.test(file);
  const { start, isPacked } = await inflatedStart(file, isGipl ? GIPL_BYTES : MGH_BYTES);
  if (start.length < (isGipl ? GIPL_BYTES : MGH_BYTES))
    throw headerError(file, `it has ${start.length} bytes of its header`);
  const { bytes, sizes, type } = (isGipl ? giplHeader : mghHeader)(file, start);
  if (sizes.some((size) => size < 1)) throw headerError(file, `it has the sizes ${sizes.join(' x ')}`);
  return {
    sizes,
    type,
    components: 1,
    littleEndian: false,
    packing: isPacked ? 'deflate' : 'raw',
    files: [file],
    start: bytes,
    packedFrom: 0,
  };
}
