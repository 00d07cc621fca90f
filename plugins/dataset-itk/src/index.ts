export { type DicomVolume, type ReadDicomOptions, readDicomSeries } from './dicom/read-series.js';
export { type DicomScan, type DicomSeries, scanDicomFolder } from './dicom/scan.js';
export { ItkError, type ItkErrorCode } from './errors.js';
export { isImageName, type ReadImageOptions, readImage } from './image/read-image.js';
export { type LabelClass, type WriteLabelsOptions, writeLabels } from './image/write-image.js';
export { type ReadSegmentationOptions, readDicomSegmentation } from './segmentation/read.js';
export { type WriteSegmentationOptions, writeDicomSegmentation } from './segmentation/write.js';
