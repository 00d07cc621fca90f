import type { BatchPart, Bound, Dataset, Index3, Run } from '@dinomix/core';
import { type Tensor, zeros } from '@tensorflow/tfjs-core';
import { guardedAsync } from '../step/guard.js';
import type { TeacherInput, TeacherResult, TeacherSlot } from '../types.js';

/** Teachers as the graph of a step meets them, without what works outside of it. */
export interface StandIns {
  readonly teachers: readonly Bound<TeacherSlot>[];
  /** Bytes that those hold for which somebody stands in. */
  readonly bytes: number;
  /** Keys of outside teachers that do not say what they will be. */
  readonly silent: readonly string[];
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

/** Puts a stand-in before every teacher from outside; the others are functions of tensors and cost nothing to open. */
export async function standInTeachers(run: Run<Tensor>, dataset: Dataset, patch: Index3): Promise<StandIns> {
  const { splits, preprocessing } = dataset;
  const teachers: Bound<TeacherSlot>[] = [];
  const silent: string[] = [];
  let bytes = 0;
  for (const bound of await run.resolve('teacher')) {
    const { id, plugin, value } = bound;
    if (value.kind !== 'outside') {
      teachers.push(bound);
      continue;
    }
    const key = `teacher:${id}`;
    const { normalisation } = preprocessing;
    const told = await guardedAsync({ key, plugin }, 'tell what it will be', null, () =>
      value.outline?.({ splits, normalisation, patch }),
    );
    if (told === undefined) silent.push(key);
    bytes += told?.bytes ?? 0;
    teachers.push({ ...bound, value: standIn(value, told?.tokens ?? null) });
  }
  return { teachers, bytes, silent };
}
