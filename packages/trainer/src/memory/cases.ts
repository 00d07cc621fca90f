import type { CaseRole, Dataset, Index3, ResolvedConfig } from '@dinomix/core';
import { type CasePlace, casesOf, preparedShape, workingShape } from '@dinomix/data/prepare';
import { voxelCount } from '@dinomix/volume';

/** Bytes of a voxel: float32, and uint8 where there is a label. */
const IMAGE = 4;
const LABELLED = 5;

/** What the cases of a training take. */
export interface CaseMemory {
  /** Bytes of prepared cases kept in memory. */
  readonly kept: number;
  /** `[d, h, w]` of the largest case; null where nothing is known. */
  readonly largest: Index3 | null;
  /** The same of those that are evaluated; null where none is, too. */
  readonly evaluated: Index3 | null;
  /** What was guessed, for a person. */
  readonly notes: readonly string[];
}

function bytesPerVoxel(role: CaseRole): number {
  return role === 'unlabelled' ? IMAGE : LABELLED;
}

/** Voxels of a case that was not prepared, as it will be but for what is cut off around the body. */
async function shapeOfFirst(dataset: Dataset, { caseId, role }: CasePlace): Promise<Index3 | null> {
  const read = await dataset.readCase(caseId, role).catch(() => null);
  return read === null ? null : workingShape(read.image, dataset.preprocessing.grid);
}

type Shapes = ReadonlyMap<CasePlace, Index3>;

/** Shapes by case: of the recipe, of prepared files, or taken to be those of the first case. */
async function shapesOf(
  dataset: Dataset,
  cases: readonly CasePlace[],
): Promise<{ shapes: Shapes; note: string | null }> {
  const { grid } = dataset.preprocessing;
  if (grid.kind === 'shape') return { shapes: new Map(cases.map((one) => [one, grid.shape])), note: null };
  const prepared = await Promise.all(cases.map(({ caseId, role }) => preparedShape(dataset, caseId, role)));
  const [first] = cases;
  if (first === undefined || prepared.every((shape) => shape !== null)) {
    return { shapes: new Map(cases.map((one, index) => [one, prepared[index]!])), note: null };
  }
  const usual = prepared.find((shape) => shape !== null) ?? (await shapeOfFirst(dataset, first));
  if (usual === null) return { shapes: new Map(), note: 'the cases, which could not be read' };
  const note = `cases that are not prepared, beyond the size of ${first.caseId} (${usual.join('x')})`;
  return { shapes: new Map(cases.map((one, index) => [one, prepared[index] ?? usual])), note };
}

function largestOf(shapes: readonly Index3[]): Index3 | null {
  return [...shapes].sort((a, b) => voxelCount(b) - voxelCount(a))[0] ?? null;
}

/** What the cases of a training take in memory; reads headers of prepared files, and one case where there are none. */
export async function caseMemory(dataset: Dataset, { train }: Pick<ResolvedConfig, 'train'>): Promise<CaseMemory> {
  const used = casesOf(dataset).filter(({ role }) => role !== 'unlabelled' || train.batch.unlabelled > 0);
  const { shapes, note } = await shapesOf(dataset, used);
  const bytes = [...shapes].reduce((sum, [{ role }, shape]) => sum + bytesPerVoxel(role) * voxelCount(shape), 0);
  const isTested = ({ role }: CasePlace) => role === 'test' || (role === 'validation' && train.validateEvery > 0);
  const tested = [...shapes].filter(([one]) => isTested(one)).map(([, shape]) => shape);
  return {
    kept: Math.min(bytes, train.caseMemoryMb * 1e6),
    largest: largestOf([...shapes.values()]),
    evaluated: largestOf(tested),
    notes: note === null ? [] : [note],
  };
}

/** Bytes of the batches that are prepared ahead, and of the one in use. */
export function batchBytes({ train }: Pick<ResolvedConfig, 'train'>): number {
  const { patch, batch, queue } = train;
  return (queue + 1) * voxelCount(patch) * (LABELLED * batch.labelled + IMAGE * batch.unlabelled);
}
