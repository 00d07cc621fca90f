export { type FileContent, writeFileAtomic } from './atomic.js';
export { type Components, connectedComponents, largestComponent } from './components.js';
export { type Box, boundingBox, centreBox, copyBox, crop, flip, flipInPlace, pad } from './crop.js';
export { type DistanceTransformOptions, distanceTransform } from './distance-transform.js';
export { VolumeError, type VolumeErrorCode, type VolumeErrorDetail } from './errors.js';
export { decodeFloat16, encodeFloat16, fromFloat16, toFloat16 } from './float16.js';
export {
  type Affine,
  type AffineRow,
  affineDifference,
  affineFromSpacing,
  applyAffine,
  determinantOf,
  formatAffine,
  invertAffine,
  multiplyAffine,
  type Point,
  regridAffine,
  spacingOf,
} from './geometry.js';
export { labelColour, type Rgb } from './label-colour.js';
export { countLabels, type LabelCheck, type RoundedLabels, toLabelVolume } from './labels.js';
export { makeFolder } from './make-folder.js';
export { type GridPoints, gridPoints, nearestDistances } from './nearest-points.js';
export type { Connectivity } from './neighbourhood.js';
export type { NiftiDatatype, VoxelDatatype } from './nifti/datatypes.js';
export type { NiftiHeader } from './nifti/header.js';
export type { LabelNames } from './nifti/label-names.js';
export type { NiftiGeometry } from './nifti/placement.js';
export {
  type NiftiImage,
  type NiftiInfo,
  type ReadNiftiOptions,
  readNifti,
  readNiftiInfo,
} from './nifti/read.js';
export { type StoredArray, settleNonFinite, toVoxelArray } from './nifti/voxels.js';
export { type WriteNiftiOptions, writeNifti } from './nifti/write.js';
export { orientationOf, planReorientation, type Reorientation, reorient, undoReorientation } from './orientation.js';
export { philox4x32 } from './philox.js';
export { printable, printableLine } from './printable.js';
export { hasEnded, ownProcess, type ProcessIdentity } from './process-identity.js';
export { openRegularFile, readRegularFile } from './regular-file.js';
export {
  type ResizeNearestOptions,
  type ResizeTrilinearOptions,
  resizedGrid,
  resizeNearest,
  resizeTrilinear,
} from './resize.js';
export { createRng, type Rng, type RngKey, subStream } from './rng.js';
export {
  encodeSafetensors,
  type NamedTensors,
  openSafetensors,
  readSafetensors,
  type SafetensorsFile,
  type SafetensorsHeader,
  type SafetensorsView,
  type Tensor,
  type TensorArrays,
  type TensorDtype,
  type TensorEntry,
  viewSafetensors,
  writeSafetensors,
} from './safetensors.js';
export { assertSameGrid, type GridNames } from './same-grid.js';
export { openSealed, type SealedFile, writeSealed } from './sealed-safetensors.js';
export {
  extractSurface,
  labelSurfaces,
  type SurfaceDistanceOptions,
  type SurfaceDistances,
  surfaceDistances,
} from './surface.js';
export { clearTemporaryFiles, temporaryPath } from './temporary-files.js';
export type { Triple } from './triple.js';
export {
  createGrid,
  createVolume,
  type Grid,
  type Volume,
  type VolumeInit,
  type VoxelArray,
  voxelAt,
  voxelCount,
} from './volume.js';
