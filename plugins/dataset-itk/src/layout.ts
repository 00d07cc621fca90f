import type { NnunetLayout } from '@dinomix/data';
import { itkFormat } from './format.js';
import type { ItkOptions } from './options.js';

const ENDINGS = ['.nrrd', '.nhdr', '.mha', '.mhd', '.mgz', '.mgh', '.gipl', '.nii.gz', '.nii'] as const;

/** Files that ITK reads, NIfTI files, and folders with a DICOM series; labels also as segmentations of DICOM and 3D Slicer. */
export function layoutOf({ spacingTolerance, series }: ItkOptions): NnunetLayout {
  return {
    imageEndings: ENDINGS,
    // The first ending that fits is taken off: 3D Slicer's come before those that they end in.
    labelEndings: ['.seg.nrrd', '.seg.nhdr', ...ENDINGS, '.dcm'],
    takesFolders: true,
    reading: { spacingTolerance, series },
    otherEndings: `take one of ${ENDINGS.join(' ')}; leave "file_ending" out where images are folders with DICOM series`,
    format: ({ geometry, replaceNonFinite }, { valueNames }, frame) =>
      itkFormat({ geometry, replaceNonFinite, frame, spacingTolerance, series, classes: valueNames }),
  };
}
