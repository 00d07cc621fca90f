export { ItkError, type ItkErrorCode } from './errors.js';
export { isImageName, type ReadImageOptions, readImage } from './image/read-image.js';
export { type LabelClass, type WriteLabelsOptions, writeLabels } from './image/write-image.js';
