import type { CaseData, CaseIdentity, CaseReader, CaseRole, DmxError, JsonObject } from '@dinomix/core';
import { assertSameGrid } from '@dinomix/volume';
import { digestFiles, stampOf } from '../check/digest.js';
import { dataError } from '../errors.js';
import type { CaseFormat } from './case-format.js';
import { type LabelClasses, toClassVolume } from './label-values.js';

/** Everything that reading a case needs, as plain data. */
export interface ReaderPlan extends LabelClasses {
  /** Absolute paths by case id. */
  readonly cases: Readonly<Record<string, { readonly image: string; readonly label: string | null }>>;
  /** Largest difference of the affines of image and label. */
  readonly tolerance: number;
  /** Options of the format. */
  readonly reading: JsonObject;
}

type Pair = ReaderPlan['cases'][string];

/** The files of a case as its role allows: the label of an unlabelled case is out of reach from here on. */
function filesOf(plan: ReaderPlan, id: string, role: CaseRole): Pair {
  const found = plan.cases[id];
  if (found === undefined) throw unknownCase(id, plan);
  return role === 'unlabelled' ? { image: found.image, label: null } : found;
}

/** Returns a reader of cases whose files have the given format. */
export function createReader(plan: ReaderPlan, format: CaseFormat): CaseReader {
  return {
    readCase: async (id, role) => {
      const files = filesOf(plan, id, role);
      return { id, role, files, ...(await read(files, plan, format)) };
    },
    identify: async (id, role) => identify(filesOf(plan, id, role), plan, format),
  };
}

async function identify({ image, label }: Pair, plan: ReaderPlan, format: CaseFormat): Promise<CaseIdentity> {
  const { classCount, labelValues = null, tolerance, reading } = plan;
  const mapping = labelValues === null ? {} : { labelValues: { ...labelValues } };
  const partsOf = async (path: string) => format.filesOf?.(path) ?? [path];
  const stamps = async (path: string) => (await Promise.all((await partsOf(path)).map(stampOf))).join('\n');
  return {
    stamp: JSON.stringify([await stamps(image), label === null ? null : await stamps(label)]),
    reading: { classCount, tolerance, ...mapping, ...reading },
    digests: async () => ({
      image: await digestFiles(await partsOf(image)),
      label: label === null ? null : await digestFiles(await partsOf(label)),
    }),
  };
}

function unknownCase(id: string, plan: ReaderPlan): DmxError {
  return dataError('DMX_DATASET_CASE', { id, known: Object.keys(plan.cases) });
}

async function read(files: Pair, plan: ReaderPlan, format: CaseFormat): Promise<Pick<CaseData, 'image' | 'label'>> {
  const image = await format.readImage(files.image);
  if (files.label === null) return { image, label: null };
  const label = await format.readLabel(files.label, image);
  assertSameGrid(image, label, { first: files.image, second: files.label }, plan.tolerance);
  return { image, label: toClassVolume(label, plan, files.label) };
}
