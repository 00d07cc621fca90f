import type { BatchPart, Bound, Dataset, Index3, Run } from '@dinomix/core';
import { type Tensor, zeros } from '@tensorflow/tfjs-core';
import { guardedAsync } from '../step/guard.js';
import { teachersInUse } from '../step/host/teachers-in-use.js';
import type { TeacherInput, TeacherResult, TeacherSlot } from '../types.js';

/** Teachers as the graph of a step meets them, without what works outside of it. */
export interface StandIns {
  readonly teachers: readonly Bound<TeacherSlot>[];
  /** Bytes that those hold for which somebody stands in. */
  readonly bytes: number;
  /** Whether one from outside does not say what it will be. */
  readonly silent: boolean;
}

/** Gives empty tokens of the right shape. */
function standIn(slot: TeacherSlot, grid: readonly number[] | null): TeacherSlot {
  const { kind, produces, looksAt, provenance } = slot;
  const answer = ({ image }: TeacherInput) => (grid === null ? {} : { tokens: zeros([image.shape[0]!, ...grid]) });
  return {
    kind,
    produces,
    looksAt,
    provenance,
    tokenChannels: () => grid?.at(-1) ?? 0,
    predict: (parts): TeacherResult => {
      const asked = Object.entries(parts) as [BatchPart, TeacherInput][];
      return Object.fromEntries(asked.map(([part, input]) => [part, answer(input)]));
    },
  };
}

/**
 * Puts a stand-in before every teacher from outside; the others are functions of tensors and cost nothing to open.
 * @param volume - voxels of the largest case; null where nothing is known.
 */
export async function standInTeachers(run: Run<Tensor>, dataset: Dataset, volume: Index3 | null): Promise<StandIns> {
  const { splits, preprocessing } = dataset;
  const { patch } = run.config.train;
  const teachers: Bound<TeacherSlot>[] = [];
  let [bytes, silent] = [0, false];
  for (const bound of teachersInUse(await run.resolve('teacher'), await run.resolve('loss')).used) {
    const { id, plugin, value } = bound;
    if (value.kind !== 'outside') {
      teachers.push(bound);
      continue;
    }
    const key = `teacher:${id}`;
    const { normalisation } = preprocessing;
    const told = await guardedAsync({ key, plugin }, 'tell what it will be', null, () =>
      value.outline?.({ splits, normalisation, patch, volume }),
    );
    if (told === undefined) silent = true;
    bytes += told?.bytes ?? 0;
    teachers.push({ ...bound, value: standIn(value, told?.tokens ?? null) });
  }
  return { teachers, bytes, silent };
}
