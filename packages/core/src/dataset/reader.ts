import { assertSameGrid, readNifti, toLabelVolume } from '@dinomix/volume';
import { dmxError } from '../errors/codes.js';
import type { DmxError } from '../errors/dmx-error.js';
import type { JsonObject } from '../slots/contracts/common.js';
import type { CaseData, CaseReader, CaseRole, Preprocessing } from '../slots/contracts/dataset.js';
import { digestFile } from './digest.js';
import { cacheFile, isStable, readPrepared, toWorkingGrid, type VolumePair, writePrepared } from './prepared-cache.js';

/** Everything that reading a case needs, as plain data. */
export interface ReaderPlan {
  /** Absolute paths by case id. */
  readonly cases: Readonly<Record<string, { readonly image: string; readonly label: string | null }>>;
  readonly classCount: number;
  readonly geometry: 'sform' | 'qform' | null;
  readonly tolerance: number;
  readonly replaceNonFinite: number | null;
  readonly preprocessing: Preprocessing;
  /** Absolute path. */
  readonly cache: string | null;
}

/** Options of `readNifti` that a plan asks for. */
export function readOptions({ geometry, replaceNonFinite }: Pick<ReaderPlan, 'geometry' | 'replaceNonFinite'>) {
  return {
    ...(geometry === null ? {} : { geometry }),
    ...(replaceNonFinite === null ? {} : { replaceNonFinite }),
  };
}

/** Returns a reader of cases. */
export function createReader(plan: ReaderPlan): CaseReader {
  return {
    readCase: async (id, role) => {
      const found = plan.cases[id];
      if (found === undefined) throw unknownCase(id, plan);
      // The label of an unlabelled case is out of reach from here on.
      const files = role === 'unlabelled' ? { image: found.image, label: null } : found;
      const pair =
        isTraining(role) && plan.cache !== null ? await prepared(id, files, plan, plan.cache) : await read(files, plan);
      return { id, role, files, ...pair };
    },
  };
}

/**
 * The reader of a loader thread, which finds it by the URL of this module.
 * @public
 */
export function createCaseReader(options: JsonObject): CaseReader {
  return createReader(options as unknown as ReaderPlan);
}

// Predictions for validation and test cases go back to the grid of the file; training needs the working grid alone.
function isTraining(role: CaseRole): boolean {
  return role === 'labelled' || role === 'unlabelled';
}

function unknownCase(id: string, plan: ReaderPlan): DmxError {
  return dmxError('DMX_DATASET_CASE', { id, known: Object.keys(plan.cases) });
}

async function read(files: CaseData['files'], plan: ReaderPlan): Promise<VolumePair> {
  const { volume } = await readNifti(files.image, readOptions(plan));
  const image = { ...volume, data: new Float32Array(volume.data) };
  if (files.label === null) return { image, label: null };
  const label = await readNifti(files.label, readOptions({ geometry: plan.geometry, replaceNonFinite: null }));
  assertSameGrid(volume, label.volume, { first: files.image, second: files.label }, plan.tolerance);
  return { image, label: toLabelVolume(label.volume, { classes: plan.classCount, file: files.label }) };
}

async function prepared(id: string, files: CaseData['files'], plan: ReaderPlan, cache: string): Promise<VolumePair> {
  const { geometry, replaceNonFinite, classCount, preprocessing } = plan;
  const file = cacheFile(cache, {
    id,
    image: await digestFile(files.image),
    label: files.label === null ? null : await digestFile(files.label),
    reading: { geometry, replaceNonFinite, classCount },
    preprocessing,
  });
  const kept = await readPrepared(file, files.label !== null);
  if (kept !== null) return kept;
  const source = await read(files, plan);
  const pair = toWorkingGrid(source, preprocessing);
  if (!isStable(pair, preprocessing)) return source;
  await writePrepared(file, cache, pair);
  return pair;
}
