import type { ClassInfo } from '@dinomix/core';
import { type NiftiGeometry, readNifti, type Volume, writeNifti } from '@dinomix/volume';
import { usageError } from '../errors.js';
import type { Packages } from '../packages.js';
import type { PredictionPair } from './files.js';

type Labels = Volume<Uint8Array>;

/** The functions that `@dinomix/dataset-itk` exports. */
interface ItkPackage {
  readImage(path: string, options: { readonly signal: AbortSignal }): Promise<Volume>;
  readDicomSeries(
    folder: string,
    options: { readonly series?: string; readonly signal: AbortSignal },
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
  /** The matrix to take where sform and qform of a NIfTI file disagree. */
  readonly geometry: NiftiGeometry | null;
  /** Which volume along the fourth axis of an image, from 0; null makes such an image an error. */
  readonly frame: number | null;
  /** SeriesInstanceUID, where a folder holds several series. */
  readonly series: string | null;
  readonly signal: AbortSignal;
}

/** What labels are written with. */
export interface LabelOptions {
  readonly classes: readonly ClassInfo[];
  /** Name of what made them. */
  readonly algorithm: string;
  readonly signal: AbortSignal;
}

/** An image as it was read. */
export interface Scan {
  readonly volume: Volume;
  /** What was left out or assumed. */
  readonly notes: readonly string[];
  /** Writes labels on the grid of the image, as the pair asks for. */
  write(labels: Labels, options: LabelOptions): Promise<void>;
}

/** Reads the image of a pair. */
export type ReadScan = (pair: PredictionPair, options: ScanOptions) => Promise<Scan>;

const PACKAGE = '@dinomix/dataset-itk';

async function readNiftiScan({ input, output }: PredictionPair, { geometry, frame }: ScanOptions): Promise<Scan> {
  const { volume, header } = await readNifti(input.path, {
    ...(geometry === null ? {} : { geometry }),
    ...(frame === null ? {} : { frame }),
  });
  const frames = header.extents[3] ?? 1;
  const notes = frames > 1 ? [`read volume ${frame}, from 0, of the ${frames} along its fourth axis`] : [];
  const write = (labels: Labels, { classes }: LabelOptions) =>
    writeNifti(output, labels, {
      labelNames: new Map(classes.map(({ index, name }) => [index, name])),
      like: header,
      description: 'DinoMix labels',
    });
  return { volume, notes, write };
}

/** ITK reads images of three axes alone. */
function assertNoFrame(path: string, frame: number | null): void {
  if (frame === null || frame === 0) return;
  const problem = `Volume ${frame} along a fourth axis, from 0, was asked for, and only NIfTI files are read with four axes; --frame 0 takes the image as it is.`;
  throw usageError('DMX_CLI_INPUT', { path, problem });
}

async function readWithItk(itk: ItkPackage, pair: PredictionPair, options: ScanOptions): Promise<Scan> {
  const { input, output, format } = pair;
  const { series, signal, frame } = options;
  if (input.kind !== 'nifti') assertNoFrame(input.path, frame);
  if (input.kind !== 'dicom') {
    const scan =
      input.kind === 'nifti'
        ? await readNiftiScan(pair, options)
        : { volume: await itk.readImage(input.path, { signal }), notes: [] };
    return { ...scan, write: (labels, given) => itk.writeLabels(output, labels, given) };
  }
  const { volume, files, notes } = await itk.readDicomSeries(
    input.path,
    series === null ? { signal } : { series, signal },
  );
  const write: Scan['write'] = (labels, given) =>
    format === 'seg'
      ? itk.writeDicomSegmentation(output, labels, { ...given, files })
      : itk.writeLabels(output, labels, given);
  return { volume, notes, write };
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
