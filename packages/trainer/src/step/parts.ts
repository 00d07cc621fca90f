import type { Bound, LossWeight, Mixer, Optimizer, ParameterSpec, Schedule, ViewName, Weighter } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { LossSlot, Ops, StudentNetwork, TeacherSlot } from '../types.js';
import type { Worker } from './guard.js';
import { lossPrefix } from './names.js';

/** A student of the run. */
export interface StudentPart extends Worker {
  readonly id: string;
  readonly model: StudentNetwork;
  /** Its own parameters and those of its losses, the latter below {@link lossPrefix}. */
  readonly specs: readonly ParameterSpec[];
}

/** A teacher of the run. */
export interface TeacherPart extends Worker {
  readonly id: string;
  readonly slot: TeacherSlot;
}

/** A loss of the run. */
export interface LossPart extends Worker {
  readonly id: string;
  readonly slot: LossSlot;
  readonly weight: LossWeight;
}

/** Whether a student has the term of a loss. */
export function actsOn({ weight: { students } }: Pick<LossPart, 'weight'>, studentId: string): boolean {
  return students === null || students.includes(studentId);
}

/** Everything that works in a step. */
export interface StepParts {
  readonly students: readonly StudentPart[];
  readonly teachers: readonly TeacherPart[];
  readonly mixers: readonly Bound<Mixer>[];
  readonly weighters: readonly Bound<Weighter>[];
  readonly losses: readonly LossPart[];
  readonly optimizer: Bound<Optimizer<Tensor>>;
  readonly schedule: Bound<Schedule>;
  readonly ops: Ops;
  /** k, background included. */
  readonly classCount: number;
  /** Views that some loss asks for, in the order in which they are computed. */
  readonly views: readonly ViewName[];
}

/** The order in which views are joined to one batch. */
export const VIEW_ORDER: readonly ViewName[] = ['labelled', 'unlabelled', 'mixed-labelled', 'mixed-unlabelled'];
