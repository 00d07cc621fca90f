import { join, resolve } from 'node:path';
import { type CaseData, type CaseReader, type CaseRole, DmxError, hashJson, type JsonObject } from '@dinomix/core';
import { makeFolder, readNifti, toLabelVolume, type Volume, writeNifti } from '@dinomix/volume';
import { FIELD_OF_VIEW, ORGANS } from './classes.js';
import { optionsSchema, type PhantomOptions } from './options.js';
import { GENERATOR_VERSION, generatePhantom, type PhantomRequest } from './phantom.js';

/** What decides the voxels of every case of a data set. */
export function recipeOf(options: PhantomOptions): JsonObject {
  const { classes, seed, shape, noise } = options;
  return { generator: GENERATOR_VERSION, classes, seed, shape: [...shape], noise };
}

/** Name of a case by its number, from 0. */
export function caseId(item: number): string {
  return `phantom-${String(item + 1).padStart(4, '0')}`;
}

/** Number of cases in all parts of the split. */
export function caseCount({ cases }: PhantomOptions): number {
  return cases.labelled + cases.unlabelled + cases.validation + cases.test;
}

function itemOf(id: string, options: PhantomOptions): number {
  const item = Number(/^phantom-(\d{4,})$/.exec(id)?.[1] ?? Number.NaN) - 1;
  if (item >= 0 && item < caseCount(options)) return item;
  const last = caseId(caseCount(options) - 1);
  throw new DmxError({
    code: 'DMX_PHANTOM_CASE',
    summary: `There is no phantom "${id}"`,
    why: `The data set has the cases ${caseId(0)} to ${last}.`,
    fix: 'Take an id from the split of the data set.',
  });
}

function requestOf(item: number, { classes, seed, shape, noise }: PhantomOptions): PhantomRequest {
  const [organs, field] = [ORGANS[classes], FIELD_OF_VIEW[classes]];
  return { seed, item, shape, noise, organs, field, orientation: 'RAS' };
}

function asFloat(volume: Volume): Volume<Float32Array> {
  return { ...volume, data: new Float32Array(volume.data) };
}

/** Returns a reader for checked options. */
export function createReader(options: PhantomOptions): CaseReader {
  return {
    readCase: async (id, role) => {
      const item = itemOf(id, options);
      return options.cache === null
        ? generated(id, role, item, options)
        : cached(id, role, item, options, options.cache);
    },
  };
}

/**
 * The reader of a loader thread, which finds it by the URL of this module.
 * @public
 */
export function createCaseReader(options: JsonObject): CaseReader {
  return createReader(optionsSchema.parse(options));
}

function generated(id: string, role: CaseRole, item: number, options: PhantomOptions): CaseData {
  const { image, label } = generatePhantom(requestOf(item, options));
  const source = `${id} (generated)`;
  return {
    id,
    role,
    files: { image: source, label: role === 'unlabelled' ? null : source },
    image: asFloat(image),
    label: role === 'unlabelled' ? null : label,
  };
}

async function cached(
  id: string,
  role: CaseRole,
  item: number,
  options: PhantomOptions,
  cache: string,
): Promise<CaseData> {
  // Other options give another folder, so that cases of two recipes never mix.
  const folder = join(resolve(cache), hashJson(recipeOf(options)).slice(0, 16));
  const files = { image: join(folder, `${id}.nii`), label: join(folder, `${id}-label.nii`) };
  const image = await readIfPresent(files.image);
  const label = image === null || role === 'unlabelled' ? null : await readIfPresent(files.label);
  const isComplete = image !== null && (role === 'unlabelled' || label !== null);
  if (!isComplete) {
    const phantom = generatePhantom(requestOf(item, options));
    await makeFolder(folder);
    // The label goes first: whoever finds the image finds the label too.
    await writeNifti(files.label, phantom.label);
    await writeNifti(files.image, phantom.image);
    return cached(id, role, item, options, cache);
  }
  const classes = ORGANS[options.classes].length + 1;
  return {
    id,
    role,
    files: role === 'unlabelled' ? { image: files.image, label: null } : files,
    image: asFloat(image),
    label: label === null ? null : toLabelVolume(label, { classes, file: files.label }),
  };
}

async function readIfPresent(file: string): Promise<Volume | null> {
  try {
    return (await readNifti(file)).volume;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}
