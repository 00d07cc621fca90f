import { definePlugin } from '@dinomix/core';
import { openNnunetFolder, withAbsoluteFolders } from '@dinomix/data';
import { layoutOf } from './layout.js';
import { optionsSchema } from './options.js';

export { checkDataset } from './check.js';
export { type DicomVolume, type ReadDicomOptions, readDicomSeries } from './dicom/read-series.js';
export { type DicomScan, type DicomSeries, scanDicomFolder } from './dicom/scan.js';
export { ItkError, type ItkErrorCode } from './errors.js';
export { type ReadImageOptions, readImage } from './image/read-image.js';
export { type LabelClass, type WriteLabelsOptions, writeLabels } from './image/write-image.js';
export type { ItkInput } from './options.js';
export { type ReadSegmentationOptions, readDicomSegmentation } from './segmentation/read.js';
export { type WriteSegmentationOptions, writeDicomSegmentation } from './segmentation/write.js';

/** The data set `itk`: NRRD, MetaImage, MGZ and DICOM series in the nnU-Net layout. */
export const itk = definePlugin({
  name: '@dinomix/dataset-itk',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['dataset:itk'],
  options: optionsSchema,
  setup(api, options) {
    api.provide('dataset', 'itk', (ctx) => openNnunetFolder(withAbsoluteFolders(options, ctx), layoutOf(options)));
  },
});
