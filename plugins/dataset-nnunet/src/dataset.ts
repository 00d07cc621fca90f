import { resolve } from 'node:path';
import {
  type ClassInfo,
  type Dataset,
  didYouMean,
  type Normalisation,
  type NormalisationStep,
  nearest,
  type Preprocessing,
} from '@dinomix/core';
import { createBrokenDataset, createFolderDataset, errorOf, errorOfAll, type ReaderPlan } from '@dinomix/core/dataset';
import { labelColour } from '@dinomix/volume';
import { checkDataset } from './check.js';
import type { DatasetDocument } from './document.js';
import { type OpenedFolder, openFolder } from './folder.js';
import type { NnunetOptions } from './options.js';

function classesOf({ classes }: DatasetDocument, { tail }: NnunetOptions): readonly ClassInfo[] {
  return classes.map((name, index) => ({ index, name, colour: labelColour(index), tail: tail.includes(name) }));
}

function normalisationOf({ window, normalise, channel }: NnunetOptions, { channels }: DatasetDocument): Normalisation {
  const isCt = channels[channel]?.toUpperCase() === 'CT';
  // The window of the Synapse and AMOS protocols (method.md §2.1) where the image is a CT.
  const bounds = window ?? (isCt ? ([-75, 275] as const) : 'percentiles');
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

function tailProblems({ tail, root }: NnunetOptions, { classes }: DatasetDocument) {
  return tail
    .filter((name) => !classes.includes(name))
    .map((name) => {
      const message = `option "tail" names the unknown class "${name}"`;
      return errorOf({ file: root, message, fix: `take names of dataset.json.${didYouMean(nearest(name, classes))}` });
    });
}

function filesOf({ cases }: OpenedFolder, { unlabelled }: NnunetOptions): ReaderPlan['cases'] {
  const hidden = new Set(unlabelled);
  const files = cases.map(({ id, image, label }) => [id, { image, label: hidden.has(id) ? null : label }] as const);
  return Object.fromEntries(files);
}

/**
 * Opens a folder in the nnU-Net raw layout. No image is opened before it is asked for.
 *
 * @remarks Where dataset.json, the file names or the split cannot be used, the data set opens all the same, so that
 * `check` can list everything; any other use throws DMX_DATASET_UNUSABLE with all that is known by then.
 * @throws DMX_DATASET_UNUSABLE when the option `tail` names an unknown class.
 */
export async function openNnunetDataset(options: NnunetOptions): Promise<Dataset> {
  const folder = await openFolder(options);
  const { document, splits, root } = folder;
  const error = errorOfAll(folder.problems, root);
  if (document === null || error !== null) {
    return createBrokenDataset(document?.name ?? root, error!, () => checkDataset(options));
  }
  const wrongTail = errorOfAll(tailProblems(options, document), root);
  if (wrongTail !== null) throw wrongTail;
  const preprocessing = preprocessingOf(options, document);
  const classes = classesOf(document, options);
  const { foreground, flips, tolerance, cache } = options;
  return createFolderDataset({
    title: document.name,
    licence: document.licence ?? 'dataset.json names no licence',
    classes,
    splits,
    preprocessing,
    sampling: { foreground, upperOffset: 'exclusive', flips, padValue: 0 },
    cases: filesOf(folder, options),
    format: folder.format,
    tolerance,
    cache: cache === null ? null : resolve(cache),
    check: () => checkDataset(options),
  });
}
