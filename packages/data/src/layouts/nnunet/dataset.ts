import { resolve } from 'node:path';
import type {
  ClassInfo,
  DataProblem,
  Dataset,
  ImageReading,
  Normalisation,
  NormalisationStep,
  Preprocessing,
} from '@dinomix/core';
import { didYouMean, nearest } from '@dinomix/core';
import { labelColour } from '@dinomix/volume';
import { checkCases } from '../../check/check-cases.js';
import { errorOf, errorOfAll } from '../../check/problems.js';
import type { CaseFiles } from '../case-files.js';
import { createBrokenDataset, createCheckedDataset, type FolderDescription } from '../folder-dataset.js';
import type { ReaderPlan } from '../reader.js';
import { isCtName } from './channels.js';
import type { DatasetDocument } from './dataset-document.js';
import { type OpenedFolder, openFolder } from './folder.js';
import type { NnunetLayout } from './layout.js';
import type { NnunetOptions } from './options.js';

function isCt({ channel }: NnunetOptions, { channels }: DatasetDocument): boolean {
  return isCtName(channels[channel] ?? '');
}

function classesOf({ classes }: DatasetDocument, { tail }: NnunetOptions): readonly ClassInfo[] {
  return classes.map((name, index) => ({ index, name, colour: labelColour(index), tail: tail.includes(name) }));
}

function normalisationOf(options: NnunetOptions, document: DatasetDocument): Normalisation {
  const { window, normalise } = options;
  // The window of the Synapse and AMOS protocols (method.md §2.1) where the image is a CT.
  const bounds = window ?? (isCt(options, document) ? ([-75, 275] as const) : 'percentiles');
  const clip: NormalisationStep =
    bounds === 'percentiles'
      ? { kind: 'clip-percentiles', low: 0.5, high: 99.5 }
      : { kind: 'clip', low: bounds[0], high: bounds[1] };
  return { steps: [clip, { kind: normalise }], display: normalise === 'min-max' ? [0, 1] : [-2, 2] };
}

function preprocessingOf(options: NnunetOptions, document: DatasetDocument): Preprocessing {
  const { grid, orientation, crop, labelRule } = options;
  return {
    orientation,
    crop,
    grid:
      grid === 'keep'
        ? { kind: 'keep' }
        : 'shape' in grid
          ? { kind: 'shape', shape: grid.shape }
          : { kind: 'spacing', spacing: grid.spacing },
    labelRule,
    normalisation: normalisationOf(options, document),
  };
}

function readingOf(
  options: NnunetOptions,
  { document, frame, withChannels }: NonNullable<OpenedFolder['content']>,
  layout: NnunetLayout,
): ImageReading {
  const { channel, geometry, replaceNonFinite } = options;
  return {
    channel: withChannels ? channel : null,
    channelNames: document.channels,
    isHu: isCt(options, document),
    frame,
    geometry,
    replaceNonFinite,
    spacingTolerance: null,
    series: {},
    ...layout.reading,
  };
}

function tailProblems({ tail, root }: NnunetOptions, { classes }: DatasetDocument) {
  return tail
    .filter((name) => !classes.includes(name))
    .map((name) => {
      const message = `option "tail" names the unknown class "${name}"`;
      return errorOf({ file: root, message, fix: `take names of dataset.json.${didYouMean(nearest(name, classes))}` });
    });
}

function filesOf(cases: readonly CaseFiles[], { unlabelled }: NnunetOptions): ReaderPlan['cases'] {
  const hidden = new Set(unlabelled);
  const files = cases.map(({ id, image, label }) => [id, { image, label: hidden.has(id) ? null : label }] as const);
  return Object.fromEntries(files);
}

/**
 * Yields every problem of a folder in the nnU-Net raw layout, file by file, without stopping at the first: what is wrong
 * with dataset.json, the file names and the split; then what is wrong with the cases. The label of an unlabelled case is not
 * opened.
 */
export async function* checkNnunetFolder(options: NnunetOptions, layout: NnunetLayout): AsyncGenerator<DataProblem> {
  const { root, content, problems } = await openFolder(options, layout);
  yield* problems;
  if (content === null) return;
  const { document, cases, splits, format } = content;
  const { tolerance, unlabelled: hidden, window } = options;
  const holdsHu = isCt(options, document);
  yield* checkCases({
    root,
    cases,
    splits,
    classes: document.classes,
    labelValues: document.values,
    format: format.format,
    tolerance,
    hidden,
    steps: normalisationOf(options, document).steps,
    isCt: () => holdsHu,
    knowsUnit: holdsHu || window !== null,
  });
}

/**
 * Opens a folder in the nnU-Net raw layout. No image is opened before it is asked for.
 *
 * @remarks Where dataset.json, the file names or the split cannot be used, the data set opens all the same, so that
 * `check` can list everything; any other use throws DMX_DATASET_UNUSABLE with all that is known by then.
 * @throws DMX_DATASET_UNUSABLE when the option `tail` names an unknown class.
 */
export async function openNnunetFolder(options: NnunetOptions, layout: NnunetLayout): Promise<Dataset> {
  const { root, content, problems } = await openFolder(options, layout);
  const check = () => checkNnunetFolder(options, layout);
  const error = errorOfAll(problems, root);
  const cache = options.cache === null ? null : resolve(options.cache);
  if (content === null) return createBrokenDataset({ title: root, cache, error: error!, check });
  const { document, cases, splits, format } = content;
  const wrongTail = tailProblems(options, document);
  if (error === null && wrongTail.length > 0) throw errorOfAll(wrongTail, root)!;
  const { foreground, flips, tolerance } = options;
  const description: FolderDescription = {
    title: document.name,
    licence: document.licence ?? 'dataset.json names no licence',
    classes: classesOf(document, options),
    splits,
    preprocessing: preprocessingOf(options, document),
    sampling: { foreground, upperOffset: 'exclusive', flips, padValue: 0 },
    cases: filesOf(cases, options),
    format,
    reading: readingOf(options, content, layout),
    tolerance,
    labelValues: document.values,
    cache,
    check,
  };
  return createCheckedDataset(description, [...problems, ...wrongTail], root);
}
