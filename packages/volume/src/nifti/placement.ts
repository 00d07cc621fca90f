import { VolumeError } from '../errors.js';
import {
  type Affine,
  type AffineRow,
  affineDifference,
  affineFromQuaternion,
  affineProblem,
  formatAffine,
  quaternionOf,
  spacingOf,
} from '../geometry.js';
import type { Triple } from '../triple.js';
import type { Grid } from '../volume.js';
import type { NiftiHeader } from './header.js';

/** Which of a header's two matrices to use. */
export type NiftiGeometry = 'sform' | 'qform';

// Above float32 rounding of a metre-sized offset, far below a voxel.
const TOLERANCE = 1e-3;

/**
 * Returns the grid that a header describes.
 *
 * @param geometry - the matrix to use where the header has both and they disagree
 * @remarks The sform if its code is above 0, else the qform if its code is, else voxels along L, A, S with the volume's
 * centre at the origin: the rule of nibabel. ITK takes the qform first, so two matrices that disagree are an
 * error until the caller chooses. The spacing is that of the matrix, not of the pixdim field.
 * @throws VolumeError `DMX_NIFTI_DIMENSIONS`, `DMX_NIFTI_SPACING`, `DMX_NIFTI_GEOMETRY`.
 */
export function gridOf(header: NiftiHeader, file: string, geometry?: NiftiGeometry): Grid {
  const [x, y, z, ...more] = header.extents as [number, number, number, ...number[]];
  if (more.some((extent) => extent !== 1)) {
    const rank = 7 - [...header.extents].reverse().findIndex((extent) => extent !== 1);
    const problem = `has ${rank} axes: ${header.extents.slice(0, rank).join(' x ')} voxels`;
    const fix =
      'choose one of its volumes where a frame or channel can be chosen, or split it into 3D volumes, one file each';
    throw new VolumeError('DMX_NIFTI_DIMENSIONS', { file, problem, fix });
  }
  const shape: Triple = [z, y, x];
  assertPixdim(header, file);
  const affine = chooseAffine(header, shape, file, geometry);
  const problem = affineProblem(affine);
  if (problem !== undefined) {
    throw geometryError(file, `its matrix ${problem}:\n${formatAffine(affine)}`, otherMatrix(header));
  }
  return { shape, spacing: spacingOf(affine), affine };
}

function assertPixdim(header: NiftiHeader, file: string): void {
  const [x, y, z] = header.pixdim.slice(1, 4) as [number, number, number];
  const wrong = [x, y, z].findIndex((step) => !(step > 0 && Number.isFinite(step)));
  if (wrong < 0) return;
  throw new VolumeError('DMX_NIFTI_SPACING', {
    file,
    problem: `has the spacing ${[x, y, z].join(' x ')} mm: pixdim[${wrong + 1}] must be a positive number`,
    fix: 'write the voxel size into the header, in mm',
  });
}

function geometryError(file: string, problem: string, fix: string): VolumeError {
  return new VolumeError('DMX_NIFTI_GEOMETRY', { file, problem, fix });
}

function otherMatrix(header: NiftiHeader): string {
  return header.sformCode > 0 && header.qformCode > 0
    ? "read it with the other matrix (option geometry: 'sform' or 'qform')"
    : 'write the right matrix into the header';
}

function sformAffine({ sform }: NiftiHeader): Affine {
  const row = (index: number) => sform.slice(4 * index, 4 * index + 4) as unknown as AffineRow;
  return [row(0), row(1), row(2), [0, 0, 0, 1]];
}

function qformAffine(header: NiftiHeader): Affine | undefined {
  const [b, c, d] = header.quaternion;
  const [handedness, x, y, z] = header.pixdim as [number, number, number, number];
  return affineFromQuaternion({ b, c, d, handedness: handedness < 0 ? -1 : 1 }, [z, y, x], header.quaternionOffset);
}

function baseAffine(header: NiftiHeader, shape: Triple): Affine {
  const [, x, y, z] = header.pixdim as [number, number, number, number];
  const centre = shape.map((size) => (size - 1) / 2) as [number, number, number];
  return [
    [-x, 0, 0, centre[2] * x],
    [0, y, 0, -centre[1] * y],
    [0, 0, z, -centre[0] * z],
    [0, 0, 0, 1],
  ];
}

function chooseAffine(header: NiftiHeader, shape: Triple, file: string, geometry?: NiftiGeometry): Affine {
  const { sformCode, qformCode } = header;
  if (sformCode <= 0 && qformCode <= 0) return baseAffine(header, shape);
  const sform = sformCode > 0 ? sformAffine(header) : undefined;
  if (sform !== undefined && (geometry === 'sform' || qformCode <= 0)) return sform;
  const qform = qformAffine(header);
  if (sform !== undefined && geometry !== 'qform') {
    if (qform !== undefined && affineDifference(sform, qform) <= TOLERANCE) return sform;
    throw conflict(header, sform, qform, file);
  }
  if (qform !== undefined) return qform;
  throw geometryError(
    file,
    `its qform quaternion (b, c, d) = (${header.quaternion.join(', ')}) is longer than 1`,
    otherMatrix(header),
  );
}

function conflict(header: NiftiHeader, sform: Affine, qform: Affine | undefined, file: string): VolumeError {
  const second = qform === undefined ? '  no rotation: its quaternion is longer than 1' : formatAffine(qform);
  return geometryError(
    file,
    `its two matrices place the voxels differently.\n sform (code ${header.sformCode}):\n${formatAffine(sform)}\n` +
      ` qform (code ${header.qformCode}):\n${second}`,
    "compare it with an image that it belongs to, then choose with the option geometry: 'sform' (as nibabel does) or 'qform' (as ITK does)",
  );
}

/** The header fields that place the voxels. */
export type PlacementFields = Pick<
  NiftiHeader,
  'pixdim' | 'qformCode' | 'sformCode' | 'quaternion' | 'quaternionOffset' | 'sform' | 'units'
>;

const MILLIMETRES = 2;

/**
 * Returns the fields of the header of an image for a volume that lies on it, as they are.
 *
 * @remarks Matrices made anew from one affine would be another's: programs choose between qform and sform, between units, and
 * where both codes are 0 each in its own way. With the fields of the image they do the same for both.
 * @throws VolumeError `DMX_VOLUME_ARGUMENT` where the volume lies on neither matrix of the header.
 */
export function placementLike(header: NiftiHeader, { shape, affine }: Grid, file: string): PlacementFields {
  const [x, y, z] = header.extents;
  const isAt = (matrix: Affine | undefined) => matrix !== undefined && affineDifference(matrix, affine) <= TOLERANCE;
  const places = [
    header.sformCode > 0 ? sformAffine(header) : undefined,
    header.qformCode > 0 ? qformAffine(header) : undefined,
    header.sformCode > 0 || header.qformCode > 0 ? undefined : baseAffine(header, shape),
  ];
  if (shape.join() !== [z, y, x].join() || !places.some(isAt)) {
    throw new VolumeError('DMX_VOLUME_ARGUMENT', {
      file,
      problem: `the volume [${shape}] does not lie on the image [${[z, y, x]}] whose header was given (z, y, x)`,
      fix: 'bring the volume to the grid of the image, or leave the header out',
    });
  }
  const { pixdim, qformCode, sformCode, quaternion, quaternionOffset, sform, units } = header;
  return {
    pixdim: [...pixdim.slice(0, 4), 1, 1, 1, 1],
    qformCode,
    sformCode,
    quaternion,
    quaternionOffset,
    sform,
    units,
  };
}

/**
 * Returns both matrices' fields for one affine. A sheared affine has no qform: its code is 0 then.
 *
 * @param code - the NIfTI code of the space that the affine leads to: 1 scanner, 2 aligned, 3 Talairach, 4 MNI
 */
export function placementFields(grid: Grid, code: number): PlacementFields {
  const { affine } = grid;
  const [z, y, x] = spacingOf(affine);
  const { b, c, d, handedness } = quaternionOf(affine);
  const origin = [affine[0][3], affine[1][3], affine[2][3]] as const;
  const again = affineFromQuaternion({ b, c, d, handedness }, [z, y, x], origin);
  const isRotation = again !== undefined && affineDifference(again, affine) < TOLERANCE / 10;
  return {
    pixdim: [handedness, x, y, z, 1, 1, 1, 1],
    qformCode: isRotation ? code : 0,
    sformCode: code,
    quaternion: isRotation ? [b, c, d] : [0, 0, 0],
    quaternionOffset: isRotation ? origin : [0, 0, 0],
    sform: [...affine[0], ...affine[1], ...affine[2]],
    units: MILLIMETRES,
  };
}
