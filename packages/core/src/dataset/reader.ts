import { assertSameGrid, readNifti, toLabelVolume } from '@dinomix/volume';
import { dmxError } from '../errors/codes.js';
import type { DmxError } from '../errors/dmx-error.js';
import type { JsonObject } from '../slots/contracts/common.js';
import type { CaseData, CaseIdentity, CaseReader, CaseRole } from '../slots/contracts/dataset.js';
import { digestFile, stampOf } from './digest.js';

/** Everything that reading a case needs, as plain data. */
export interface ReaderPlan {
  /** Absolute paths by case id. */
  readonly cases: Readonly<Record<string, { readonly image: string; readonly label: string | null }>>;
  readonly classCount: number;
  readonly geometry: 'sform' | 'qform' | null;
  readonly tolerance: number;
  readonly replaceNonFinite: number | null;
}

/** Options of `readNifti` that a plan asks for. */
export function readOptions({ geometry, replaceNonFinite }: Pick<ReaderPlan, 'geometry' | 'replaceNonFinite'>) {
  return {
    ...(geometry === null ? {} : { geometry }),
    ...(replaceNonFinite === null ? {} : { replaceNonFinite }),
  };
}

type Pair = ReaderPlan['cases'][string];

/** The files of a case as its role allows: the label of an unlabelled case is out of reach from here on. */
function filesOf(plan: ReaderPlan, id: string, role: CaseRole): Pair {
  const found = plan.cases[id];
  if (found === undefined) throw unknownCase(id, plan);
  return role === 'unlabelled' ? { image: found.image, label: null } : found;
}

/** Returns a reader of cases. */
export function createReader(plan: ReaderPlan): CaseReader {
  return {
    readCase: async (id, role) => {
      const files = filesOf(plan, id, role);
      return { id, role, files, ...(await read(files, plan)) };
    },
    identify: async (id, role) => identify(filesOf(plan, id, role), plan),
  };
}

async function identify({ image, label }: Pair, plan: ReaderPlan): Promise<CaseIdentity> {
  const { classCount, geometry, tolerance, replaceNonFinite } = plan;
  const stamps = await Promise.all([image, label].map((file) => (file === null ? null : stampOf(file))));
  return {
    stamp: JSON.stringify(stamps),
    reading: { classCount, geometry, tolerance, replaceNonFinite },
    digests: async () => ({
      image: await digestFile(image),
      label: label === null ? null : await digestFile(label),
    }),
  };
}

/**
 * The reader of a loader thread, which finds it by the URL of this module.
 * @public
 */
export function createCaseReader(options: JsonObject): CaseReader {
  return createReader(options as unknown as ReaderPlan);
}

function unknownCase(id: string, plan: ReaderPlan): DmxError {
  return dmxError('DMX_DATASET_CASE', { id, known: Object.keys(plan.cases) });
}

async function read(files: Pair, plan: ReaderPlan): Promise<Pick<CaseData, 'image' | 'label'>> {
  const { volume: image } = await readNifti(files.image, readOptions(plan));
  if (files.label === null) return { image, label: null };
  const label = await readNifti(files.label, readOptions({ geometry: plan.geometry, replaceNonFinite: null }));
  assertSameGrid(image, label.volume, { first: files.image, second: files.label }, plan.tolerance);
  return { image, label: toLabelVolume(label.volume, { classes: plan.classCount, file: files.label }) };
}
