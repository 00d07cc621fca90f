import { resolve } from 'node:path';
import { type ClassInfo, type DataProblem, type Dataset, didYouMean, nearest } from '@dinomix/core';
import {
  AMOS_CLASSES,
  AMOS_SIDES,
  type CaseFormat,
  createBenchmarkDataset,
  errorOf,
  isAmosCt,
  RECIPES,
  type Recipe,
  SYNAPSE_CLASSES,
  SYNAPSE_SIDES,
  warningOf,
  withSampling,
} from '@dinomix/data';
import { labelColour, type Triple } from '@dinomix/volume';
import type { Axes } from './axes.js';
import { type ArraysReading, arraysFormat } from './format.js';
import { type ArrayStore, findStore } from './layout.js';
import type { ArraysOptions } from './options.js';
import { type ArraysSplit, publishedId, splitsOf } from './splits.js';

type RecipeChoice = NonNullable<ArraysOptions['recipe']>;

// Image and label of a case have one spacing, that of the options.
const TOLERANCE = 1e-6;

// What the preprocessing of the first protocol makes of every volume (method.md §2.1).
const P1_SHAPE: Triple = [80, 160, 160];

const SIDES = { synapse: SYNAPSE_SIDES, amos: AMOS_SIDES } as const;

function classesOf({ classes, tail }: ArraysOptions): readonly ClassInfo[] {
  if (classes === 'synapse') return SYNAPSE_CLASSES;
  if (classes === 'amos') return AMOS_CLASSES;
  return classes.map((name, index) => ({ index, name, colour: labelColour(index), tail: tail.includes(name) }));
}

function classProblems({ classes, tail, swapSides }: ArraysOptions, root: string): DataProblem[] {
  const names = typeof classes === 'string' ? [] : classes;
  const problems = tail
    .filter((name) => !names.includes(name))
    .map((name) => {
      const message = `option "tail" names "${name}", which is none of the names that option "classes" lists`;
      return errorOf({ file: root, message, fix: `take names from there.${didYouMean(nearest(name, names))}` });
    });
  if (!swapSides || names.length === 0) return problems;
  const message =
    'option "swapSides" is on; which classes are the left and right of an organ is known of synapse and amos alone';
  return [...problems, errorOf({ file: root, message, fix: 'turn it off' })];
}

/**
 * Whether intensities are taken as they are: on h5 files with `p2` too, since those that the second protocol starts from are
 * MagicNet's, normalised already.
 */
function isStored(choice: RecipeChoice, kind: ArrayStore['kind']): boolean {
  return choice === 'stored' || (choice === 'p2' && kind === 'h5');
}

// Crops as those of the second protocol.
const STORED: Recipe = {
  preprocessing: {
    orientation: 'keep',
    grid: { kind: 'keep' },
    normalisation: { steps: [], display: [0, 1] },
  },
  sampling: RECIPES.p2.sampling,
};

function recipeOf(choice: RecipeChoice, kind: ArrayStore['kind'], options: ArraysOptions): Recipe {
  const { grid, classes } = options;
  const base = choice === 'stored' || isStored(choice, kind) ? STORED : RECIPES[choice];
  const working = grid === 'keep' ? ({ kind: 'keep' } as const) : ({ kind: 'shape', shape: grid.shape } as const);
  const recipe = { ...base, preprocessing: { ...base.preprocessing, grid: working } };
  return withSampling(recipe, options, typeof classes === 'string' ? SIDES[classes] : []);
}

/**
 * Order of the axes that a layout is known to have. DHC, A&D and SKCDF save what SimpleITK gives, z first; the AMOS files of
 * GALoss (the second protocol) and the h5 files of MagicNet and UA-MT have x first, as nibabel and pynrrd give them; the
 * volumes of TransUNet (`case0001.npy.h5`) and ACDC in SSL4MIS (`patient001_frame01.h5`) are stacks of slices.
 */
function knownAxes({ kind, cases, isTransUnet }: ArrayStore, recipe: RecipeChoice): Axes {
  if (kind === 'npy') return recipe === 'p2' ? 'xyz' : 'zyx';
  const isAcdc = cases.every(({ id }) => /^patient\d+_frame\d+$/.test(id));
  return isTransUnet || isAcdc ? 'zyx' : 'xyz';
}

/** Whether the image of a case is in HU. */
function isCt(id: string, isStoredIntensity: boolean, { classes }: ArraysOptions): boolean {
  if (isStoredIntensity) return false;
  return classes === 'synapse' || (classes === 'amos' && isAmosCt(publishedId(id)));
}

function spacingProblem(options: ArraysOptions, { kind, folder }: ArrayStore): DataProblem[] {
  if (options.spacing !== null) return [];
  const message = `${kind} files hold no spacing: 1 x 1 x 1 mm is taken, so that distances in mm count voxels`;
  const fix =
    'set the option "spacing" in mm [z, y, x] if all cases have one; the published protocols measure in voxels';
  return [warningOf({ file: folder, message, fix })];
}

/** Shape of the files of the first protocol, where they are to be used as they are. */
function expectedShape(choice: RecipeChoice, { grid }: ArraysOptions): Triple | null {
  return choice === 'p1' && grid === 'keep' ? P1_SHAPE : null;
}

/** Whether the network sees volumes of the size that the protocol of the recipe has. What cannot be read counts as such. */
async function hasPublishedGrid(choice: RecipeChoice, { grid }: ArraysOptions, image: string, format: CaseFormat) {
  if (choice !== 'p1') return grid === 'keep';
  const shapeOf = async () => (await format.inspectImage(image)).grid.shape;
  const shape = grid === 'keep' ? await shapeOf().catch(() => P1_SHAPE) : grid.shape;
  return shape.every((size, axis) => size === P1_SHAPE[axis]);
}

/** As the data sets of the benchmarks name themselves, so that results are known to belong to the same table. */
function titleOf({ classes, split }: ArraysOptions, { kind }: ArrayStore, planned: ArraysSplit, rest: string): string {
  const name = classes === 'synapse' ? 'Synapse' : classes === 'amos' ? 'AMOS22' : 'Arrays';
  const labelled = planned.share ?? `${planned.splits.labelled.length} cases`;
  return `${name} (${kind} files, split ${split}, labelled ${labelled}, ${rest})`;
}

/** Opens a folder of npy or h5 files. Of the arrays one header is read at most. */
export async function openArraysDataset(options: ArraysOptions): Promise<Dataset> {
  const root = resolve(options.root);
  const { store: found, problems } = await findStore(root, options.folder);
  const store = found ?? { kind: 'npy', folder: root, cases: [], problems: [], isTransUnet: false };
  const choice = options.recipe ?? (store.kind === 'npy' ? 'p1' : 'stored');
  const nothing = { splits: { labelled: [], unlabelled: [], validation: [], test: [] }, problems: [], share: null };
  const planned = found === null ? nothing : await splitsOf(root, store, options);
  const { image, label, replaceNonFinite } = options;
  const reading: ArraysReading = {
    kind: store.kind,
    axes: options.axes ?? knownAxes(store, choice),
    spacing: options.spacing ?? [1, 1, 1],
    image,
    label,
    replaceNonFinite,
  };
  const format = arraysFormat(reading, expectedShape(choice, options));
  const [first] = store.cases;
  const isPublished = first === undefined || (await hasPublishedGrid(choice, options, first.image, format.format));
  // `dinomix table` keeps these words away from published rows.
  const scope = isPublished ? '' : ', another grid: not the published benchmark';
  return createBenchmarkDataset({
    title: titleOf(options, store, planned, `recipe ${choice}, axes ${reading.axes}${scope}`),
    licence: 'That of the data set which the arrays were made from; npy and h5 files name none.',
    root,
    classes: classesOf(options),
    cases: store.cases,
    splits: planned.splits,
    problems: [
      ...problems,
      ...classProblems(options, root),
      ...planned.problems,
      ...(found === null ? [] : spacingProblem(options, store)),
    ],
    recipe: recipeOf(choice, store.kind, options),
    format,
    options: { tolerance: TOLERANCE, cache: options.cache, labelValues: options.labelValues },
    isCt: (id) => isCt(id, isStored(choice, store.kind), options),
  });
}
