import { VolumeError } from '../errors.js';
import { bytesOf, codeOf, datatypeOf, type NiftiDatatype } from './datatypes.js';

/** The fields of a NIfTI-1 or NIfTI-2 header that decide what the voxels are and where they lie. */
export interface NiftiHeader {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  /** Extents dim[1..7], x first; missing axes are 1. */
  readonly extents: readonly number[];
  readonly datatype: NiftiDatatype;
  /** pixdim[0..7]; [0] is the handedness of the qform. */
  readonly pixdim: readonly number[];
  /** First byte of the voxels. */
  readonly voxelOffset: number;
  readonly slope: number;
  readonly intercept: number;
  readonly qformCode: number;
  readonly sformCode: number;
  /** quatern_b, c, d. */
  readonly quaternion: readonly [number, number, number];
  /** qoffset_x, y, z. */
  readonly quaternionOffset: readonly [number, number, number];
  /** srow_x, srow_y, srow_z, four numbers each. */
  readonly sform: readonly number[];
  readonly units: number;
  readonly description: string;
}

/** Bytes of each version's header, without the four extension flags. */
export const HEADER_BYTES = { 1: 348, 2: 540 } as const;

/** Bytes to read before the header can be parsed: a NIfTI-2 header with its extension flags. */
export const LONGEST_HEADER = 544;

const MAGIC_2 = 'n+2\0\r\n\x1a\n';
const DESCRIPTION_BYTES = 80;

// Offsets of nifti1.h and nifti2.h; NIfTI-1 has 16-bit integers and float32 where NIfTI-2 has 64 bits.
const LAYOUT = {
  1: {
    dim: 40,
    datatype: 70,
    pixdim: 76,
    voxelOffset: 108,
    slope: 112,
    units: 123,
    description: 148,
    qformCode: 252,
    quaternion: 256,
    sform: 280,
    magic: 344,
  },
  2: {
    dim: 16,
    datatype: 12,
    pixdim: 104,
    voxelOffset: 168,
    slope: 176,
    units: 500,
    description: 240,
    qformCode: 344,
    quaternion: 352,
    sform: 400,
    magic: 4,
  },
} as const;

/** Reads and writes the numbers of one header version at one byte order. */
function fieldAccess(view: DataView, version: 1 | 2, littleEndian: boolean) {
  const wide = version === 2;
  return {
    /** dim: int16 or int64. */
    extent: (offset: number, index: number) =>
      wide
        ? Number(view.getBigInt64(offset + 8 * index, littleEndian))
        : view.getInt16(offset + 2 * index, littleEndian),
    setExtent: (offset: number, index: number, value: number) =>
      wide
        ? view.setBigInt64(offset + 8 * index, BigInt(value), littleEndian)
        : view.setInt16(offset + 2 * index, value, littleEndian),
    /** Real numbers: float32 or float64. */
    real: (offset: number, index: number) =>
      wide ? view.getFloat64(offset + 8 * index, littleEndian) : view.getFloat32(offset + 4 * index, littleEndian),
    setReal: (offset: number, index: number, value: number) =>
      wide
        ? view.setFloat64(offset + 8 * index, value, littleEndian)
        : view.setFloat32(offset + 4 * index, value, littleEndian),
    /** qform_code and sform_code: int16 or int32. */
    code: (offset: number, index: number) =>
      wide ? view.getInt32(offset + 4 * index, littleEndian) : view.getInt16(offset + 2 * index, littleEndian),
    setCode: (offset: number, index: number, value: number) =>
      wide
        ? view.setInt32(offset + 4 * index, value, littleEndian)
        : view.setInt16(offset + 2 * index, value, littleEndian),
  };
}

function text(bytes: Uint8Array, offset: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + offset, length).toString('latin1');
}

/**
 * Returns the version and byte order that the first bytes of a file announce.
 *
 * @throws VolumeError `DMX_NIFTI_MAGIC` if they are not those of a single-file NIfTI.
 */
function identifyNifti(bytes: Uint8Array, file: string): { version: 1 | 2; littleEndian: boolean } {
  const fail = (problem: string, fix: string) => new VolumeError('DMX_NIFTI_MAGIC', { file, problem, fix });
  const notNifti = 'name a .nii or .nii.gz file; convert other formats to NIfTI first';
  if (bytes.byteLength < HEADER_BYTES[1])
    throw fail(
      `has only ${bytes.byteLength} bytes, a header has 348`,
      'fetch the file again if the copy was cut off; other formats: convert them to NIfTI first',
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (const littleEndian of [true, false]) {
    const size = view.getInt32(0, littleEndian);
    if (size === HEADER_BYTES[1]) {
      const magic = text(bytes, LAYOUT[1].magic, 4);
      if (magic === 'n+1\0') return { version: 1, littleEndian };
      if (magic === 'ni1\0') throw fail('is half of a .hdr/.img pair', 'convert the pair to one .nii file');
      throw fail(`has the magic ${JSON.stringify(magic)} instead of "n+1"`, 'convert Analyze 7.5 files to .nii');
    }
    if (size === HEADER_BYTES[2]) {
      const magic = text(bytes, LAYOUT[2].magic, 8);
      if (magic === MAGIC_2 && bytes.byteLength >= HEADER_BYTES[2]) return { version: 2, littleEndian };
      throw fail(`has the magic ${JSON.stringify(magic)} instead of "n+2"`, notNifti);
    }
  }
  throw fail(
    `is no NIfTI file: it starts with ${view.getInt32(0, true)} instead of a header size of 348 or 540`,
    notNifti,
  );
}

/**
 * Returns the header that the first bytes of a file hold.
 *
 * @throws VolumeError `DMX_NIFTI_MAGIC`, `DMX_NIFTI_DATATYPE`, `DMX_NIFTI_DIMENSIONS`.
 */
export function parseNiftiHeader(bytes: Uint8Array, file: string): NiftiHeader {
  const { version, littleEndian } = identifyNifti(bytes, file);
  const layout = LAYOUT[version];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = fieldAccess(view, version, littleEndian);
  const code = view.getInt16(layout.datatype, littleEndian);
  const datatype = datatypeOf(code);
  if (datatype === undefined) {
    throw new VolumeError('DMX_NIFTI_DATATYPE', {
      file,
      problem: `has voxels of the NIfTI datatype ${code}, which are not single real numbers`,
      fix: 'convert it to one of uint8, int16, uint16, int32, float32, float64',
    });
  }
  const reals = (offset: number, count: number) => Array.from({ length: count }, (_, index) => at.real(offset, index));
  const [slope, intercept] = reals(layout.slope, 2) as [number, number];
  const [b, c, d, x, y, z] = reals(layout.quaternion, 6) as [number, number, number, number, number, number];
  return {
    version,
    littleEndian,
    extents: parseExtents(
      Array.from({ length: 8 }, (_, index) => at.extent(layout.dim, index)),
      file,
    ),
    datatype,
    pixdim: reals(layout.pixdim, 8),
    voxelOffset: version === 1 ? at.real(layout.voxelOffset, 0) : at.extent(layout.voxelOffset, 0),
    slope,
    intercept,
    qformCode: at.code(layout.qformCode, 0),
    sformCode: at.code(layout.qformCode, 1),
    quaternion: [b, c, d],
    quaternionOffset: [x, y, z],
    sform: reals(layout.sform, 12),
    units: version === 1 ? view.getUint8(layout.units) : view.getInt32(layout.units, littleEndian),
    description: text(bytes, layout.description, DESCRIPTION_BYTES).split('\0')[0]!,
  };
}

function parseExtents(dim: readonly number[], file: string): number[] {
  const rank = dim[0]!;
  const extents = dim.slice(1).map((extent, axis) => (axis < rank ? extent : 1));
  if (rank >= 1 && rank <= 7 && extents.every((extent) => Number.isSafeInteger(extent) && extent > 0)) return extents;
  throw new VolumeError('DMX_NIFTI_DIMENSIONS', {
    file,
    problem: `has the dim field [${dim}]: the first is the number of axes (1 to 7), each axis has at least one voxel`,
    fix: 'the header is damaged: write the file again from its source',
  });
}

/** Returns the bytes of a volume's header, four zero extension flags included: 352 or 544 bytes. */
export function encodeNiftiHeader(header: NiftiHeader): Uint8Array<ArrayBuffer> {
  const { version, littleEndian } = header;
  const layout = LAYOUT[version];
  const bytes = new Uint8Array(HEADER_BYTES[version] + 4);
  const view = new DataView(bytes.buffer);
  const at = fieldAccess(view, version, littleEndian);
  const reals = (offset: number, values: readonly number[]) => {
    for (const [index, value] of values.entries()) at.setReal(offset, index, value);
  };
  view.setInt32(0, HEADER_BYTES[version], littleEndian);
  view.setInt16(layout.datatype, codeOf(header.datatype), littleEndian);
  view.setInt16(layout.datatype + 2, 8 * bytesOf(header.datatype), littleEndian);
  for (const [index, value] of [3, ...header.extents].entries()) at.setExtent(layout.dim, index, value);
  reals(layout.pixdim, header.pixdim);
  if (version === 1) at.setReal(layout.voxelOffset, 0, header.voxelOffset);
  else at.setExtent(layout.voxelOffset, 0, header.voxelOffset);
  reals(layout.slope, [header.slope, header.intercept]);
  at.setCode(layout.qformCode, 0, header.qformCode);
  at.setCode(layout.qformCode, 1, header.sformCode);
  reals(layout.quaternion, [...header.quaternion, ...header.quaternionOffset]);
  reals(layout.sform, header.sform);
  if (version === 1) view.setUint8(layout.units, header.units);
  else view.setInt32(layout.units, header.units, littleEndian);
  bytes.set(Buffer.from(header.description, 'latin1').subarray(0, DESCRIPTION_BYTES - 1), layout.description);
  bytes.set(Buffer.from(version === 1 ? 'n+1\0' : MAGIC_2, 'latin1'), layout.magic);
  return bytes;
}
