import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import type { CaseReader, JsonObject } from '@dinomix/core';
import {
  type CaseFormat,
  createReader,
  type FileInspection,
  type FormatSource,
  niftiFormat,
  type ReaderPlan,
} from '@dinomix/data';
import type { Grid } from '@dinomix/volume';
import { placeDicomSeries, readDicomSeries } from './dicom/read-series.js';
import { ItkError } from './errors.js';
import { filesBehind } from './files-behind.js';
import { inspectImage, readImage } from './image/read-image.js';
import { inspectLabels, readLabels } from './image/read-labels.js';
import { readDicomSegmentation } from './segmentation/read.js';

/** How the files of cases are read. */
export interface ItkReading {
  readonly geometry: 'sform' | 'qform' | null;
  readonly replaceNonFinite: number | null;
  /** Which volume of a NIfTI image with a fourth axis; null makes such an image an error. */
  readonly frame: number | null;
  readonly spacingTolerance: number;
  /** SeriesInstanceUID by the name of a folder that holds several series. */
  readonly series: Readonly<Record<string, string>>;
  /** Class names by the value in label files, for DICOM segmentations and those of 3D Slicer; empty where there is none. */
  readonly classes: readonly string[];
}

const NIFTI = /\.nii(\.gz)?$/i;
const SEGMENTATION = /\.dcm$/i;

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

function createFormat(reading: ItkReading): CaseFormat {
  const { geometry, replaceNonFinite, frame, spacingTolerance, series, classes } = reading;
  const nifti = niftiFormat({ geometry, replaceNonFinite, ...(frame === null ? {} : { frame }) }).format;
  const intensities = replaceNonFinite === null ? {} : { replaceNonFinite };
  const dicomOptions = (folder: string) => {
    const chosen = series[basename(folder)];
    return chosen === undefined ? { spacingTolerance } : { spacingTolerance, series: chosen };
  };
  const inspectFolder = async (folder: string): Promise<FileInspection> => {
    const { placed, notes } = await placeDicomSeries(folder, dicomOptions(folder));
    const fix = 'nothing is to be done where it does not belong to the series';
    return {
      grid: placed.grid,
      datatype: 'int16',
      notes: notes.map((message) => ({ severity: 'warning', message, fix })),
    };
  };
  return {
    inspectImage: async (file) => {
      if (NIFTI.test(file)) return nifti.inspectImage(file);
      assertNoFrame(file, frame);
      return (await isFolder(file)) ? inspectFolder(file) : inspectImage(file);
    },
    inspectLabel: async (file, image) => {
      if (NIFTI.test(file)) return nifti.inspectLabel(file, image);
      return SEGMENTATION.test(file) ? inspectSegmentation(file, image) : inspectLabels(file, { grid: image, classes });
    },
    readImage: async (file) => {
      if (NIFTI.test(file)) return nifti.readImage(file);
      assertNoFrame(file, frame);
      return (await isFolder(file))
        ? (await readDicomSeries(file, dicomOptions(file))).volume
        : readImage(file, intensities);
    },
    readLabel: async (file, image) => {
      if (NIFTI.test(file)) return nifti.readLabel(file, image);
      return SEGMENTATION.test(file)
        ? readDicomSegmentation(file, { grid: image, classes })
        : readLabels(file, { grid: image, classes });
    },
    filesOf: filesBehind,
  };
}

/** Only NIfTI images are read with four axes. */
function assertNoFrame(file: string, frame: number | null): void {
  if (frame === null || frame === 0) return;
  const problem = `volume ${frame}, from 0, along its fourth axis was asked for, and only NIfTI files are read with four axes`;
  throw new ItkError('DMX_IMAGE_KIND', {
    file,
    problem,
    fix: 'choose channel 0, or write the modalities to files of their own',
  });
}

/** A segmentation has the grid of its image; whether its frames lie on it is found when it is read. */
function inspectSegmentation(file: string, image: Grid | null): FileInspection {
  if (image !== null) return { grid: image, datatype: 'uint8' };
  const problem = 'lies on the grid of its image, which cannot be read';
  throw new ItkError('DMX_DICOM_SEG', { file, problem, fix: 'correct the image first' });
}

/** The format of files that ITK reads, of NIfTI files, DICOM series and DICOM segmentations. */
export function itkFormat(reading: ItkReading): FormatSource {
  const { geometry, replaceNonFinite, frame, spacingTolerance, series, classes } = reading;
  const plain = { geometry, replaceNonFinite, frame, spacingTolerance, series, classes };
  const module = new URL(`./format${extname(import.meta.url)}`, import.meta.url).href;
  return { format: createFormat(plain), reading: plain, module };
}

/**
 * The reader of a loader thread, which finds it by the URL of this module.
 * @public
 */
export function createCaseReader(options: JsonObject): CaseReader {
  const plan = options as unknown as ReaderPlan;
  return createReader(plan, createFormat(plan.reading as unknown as ItkReading));
}
