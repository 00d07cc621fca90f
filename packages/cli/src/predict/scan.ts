import { basename } from 'node:path';
import type { ClassInfo, ImageReading } from '@dinomix/core';
import { type FileInspection, niftiFormat } from '@dinomix/data';
import { readNifti, type Volume, writeNifti } from '@dinomix/volume';
import { usageError } from '../errors.js';
import type { Packages } from '../packages.js';
import type { PredictionPair } from './files.js';

type Labels = Volume<Uint8Array>;

/** The functions that `@dinomix/dataset-itk` exports. */
interface ItkPackage {
  readImage(
    path: string,
    options: { readonly replaceNonFinite?: number; readonly signal: AbortSignal },
  ): Promise<Volume>;
  readDicomSeries(
    folder: string,
    options: { readonly series?: string; readonly spacingTolerance?: number; readonly signal: AbortSignal },
  ): Promise<{ readonly volume: Volume; readonly files: readonly string[]; readonly notes: readonly string[] }>;
  writeLabels(
    path: string,
    labels: Labels,
    options: { readonly classes: readonly ClassInfo[]; readonly signal: AbortSignal },
  ): Promise<void>;
  writeDicomSegmentation(
    path: string,
    labels: Labels,
    options: { readonly classes: readonly ClassInfo[]; readonly files: readonly string[]; readonly algorithm: string },
  ): Promise<void>;
}

/** How images are read. */
export interface ScanOptions {
  /** As in training, or as the command line says instead. */
  readonly reading: Pick<ImageReading, 'geometry' | 'frame' | 'replaceNonFinite' | 'spacingTolerance' | 'series'>;
  /** SeriesInstanceUID that goes before those of training; null leaves it to them. */
  readonly series: string | null;
  readonly signal: AbortSignal;
}

/** What labels are written with. */
export interface LabelOptions {
  readonly classes: readonly ClassInfo[];
  /** Name of what made them. */
  readonly algorithm: string;
  /** Tells the network and its settings, 79 characters at most; kept by NIfTI files. */
  readonly mark: string;
  readonly signal: AbortSignal;
}

/** An image as it was read. */
export interface Scan {
  readonly volume: Volume;
  /** What its header tells. */
  readonly inspection: FileInspection;
  /** What was left out or assumed. */
  readonly notes: readonly string[];
  /** Writes labels on the grid of the image, as the pair asks for. */
  write(labels: Labels, options: LabelOptions): Promise<void>;
}

/** Reads the image of a pair. */
export type ReadScan = (pair: PredictionPair, options: ScanOptions) => Promise<Scan>;

const PACKAGE = '@dinomix/dataset-itk';

async function readNiftiScan({ input, output }: PredictionPair, { reading }: ScanOptions): Promise<Scan> {
  const { geometry, frame, replaceNonFinite } = reading;
  const placement = { geometry, replaceNonFinite, ...(frame === null ? {} : { frame }) };
  const inspection = await niftiFormat(placement).format.inspectImage(input.path);
  const { volume, header } = await readNifti(input.path, {
    ...(geometry === null ? {} : { geometry }),
    ...(frame === null ? {} : { frame }),
    ...(replaceNonFinite === null ? {} : { replaceNonFinite }),
  });
  const frames = header.extents[3] ?? 1;
  const notes = frames > 1 ? [`read volume ${frame}, from 0, of the ${frames} along its fourth axis`] : [];
  const write = (labels: Labels, { classes, mark }: LabelOptions) =>
    writeNifti(output, labels, {
      labelNames: new Map(classes.map(({ index, name }) => [index, name])),
      like: header,
      description: mark,
    });
  return { volume, inspection, notes, write };
}

/** ITK reads images of three axes alone. */
function assertNoFrame(path: string, frame: number | null): void {
  if (frame === null || frame === 0) return;
  const problem = `Volume ${frame} along a fourth axis, from 0, was asked for, and only NIfTI files are read with four axes; --frame 0 takes the image as it is.`;
  throw usageError('DMX_CLI_INPUT', { path, problem });
}

async function readItkImage(itk: ItkPackage, path: string, options: Parameters<ItkPackage['readImage']>[1]) {
  const volume = await itk.readImage(path, options);
  return { volume, inspection: { grid: volume, datatype: null }, notes: [] };
}

async function readWithItk(itk: ItkPackage, pair: PredictionPair, options: ScanOptions): Promise<Scan> {
  const { input, output, format } = pair;
  const { reading, signal } = options;
  const { frame, replaceNonFinite, spacingTolerance } = reading;
  if (input.kind !== 'nifti') assertNoFrame(input.path, frame);
  if (input.kind !== 'dicom') {
    const scan =
      input.kind === 'nifti'
        ? await readNiftiScan(pair, options)
        : await readItkImage(itk, input.path, { signal, ...(replaceNonFinite === null ? {} : { replaceNonFinite }) });
    return { ...scan, write: (labels, given) => itk.writeLabels(output, labels, given) };
  }
  const series = options.series ?? reading.series[basename(input.path)] ?? null;
  const { volume, files, notes } = await itk.readDicomSeries(input.path, {
    signal,
    ...(series === null ? {} : { series }),
    ...(spacingTolerance === null ? {} : { spacingTolerance }),
  });
  const write: Scan['write'] = (labels, given) =>
    format === 'seg'
      ? itk.writeDicomSegmentation(output, labels, { ...given, files })
      : itk.writeLabels(output, labels, given);
  return { volume, inspection: { grid: volume, datatype: null }, notes, write };
}

/**
 * Returns the reader for these pairs. From NIfTI to NIfTI nothing else is needed; all others go through
 * `@dinomix/dataset-itk`.
 *
 * @throws DMX_CLI_PACKAGE where that is needed and not installed.
 */
export async function openScans(packages: Packages, pairs: readonly PredictionPair[]): Promise<ReadScan> {
  const needsItk = (pair: PredictionPair) => pair.input.kind !== 'nifti' || pair.format !== 'nifti';
  if (!pairs.some(needsItk)) return readNiftiScan;
  const itk = (await packages.load(PACKAGE, '"dinomix predict" with other files than NIfTI')) as unknown as ItkPackage;
  return (pair, options) => (needsItk(pair) ? readWithItk(itk, pair, options) : readNiftiScan(pair, options));
}
