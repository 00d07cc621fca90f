import type { Bound } from '@dinomix/core';
import type { LossSlot, TeacherSlot } from '../../types.js';

/** Teachers of a run: those that anything takes something of, and those that would work for nobody. */
export interface TeachersInUse {
  readonly used: readonly Bound<TeacherSlot>[];
  readonly idle: readonly Bound<TeacherSlot>[];
}

/** Sets teachers apart that give tokens alone where no loss takes any: frozen networks are dear. */
export function teachersInUse(
  teachers: readonly Bound<TeacherSlot>[],
  losses: readonly Pick<Bound<Pick<LossSlot, 'takes'>>, 'value'>[],
): TeachersInUse {
  const takesTokens = losses.some(({ value }) => Object.values(value.takes).some((needs) => needs.includes('tokens')));
  const isIdle = ({ value }: Bound<TeacherSlot>) =>
    value.produces.tokens && !value.produces.probabilities && !takesTokens;
  return { used: teachers.filter((one) => !isIdle(one)), idle: teachers.filter(isIdle) };
}
