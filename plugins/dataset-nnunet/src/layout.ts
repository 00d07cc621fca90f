import { type NnunetLayout, niftiFormat } from '@dinomix/data';

/** NIfTI files alone. */
export const LAYOUT: NnunetLayout = {
  imageEndings: ['.nii.gz', '.nii'],
  labelEndings: null,
  takesFolders: false,
  otherEndings:
    'convert the images to NIfTI (.nii.gz or .nii), or take the data set itk for .nrrd, .mha, .mhd and .mgz',
  format: (options, _, frame) => niftiFormat(frame === null ? options : { ...options, frame }),
};
