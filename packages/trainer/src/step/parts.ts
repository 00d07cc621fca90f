import type {
  BatchPart,
  Bound,
  LossWeight,
  Mixer,
  Optimizer,
  ParameterSpec,
  Schedule,
  ViewName,
  ViewNeed,
} from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { LossSlot, Ops, SelectorSlot, StudentNetwork, TeacherSlot, WeighterSlot } from '../types.js';
import type { Worker } from './guard.js';

/** A student of the run. */
export interface StudentPart extends Worker {
  readonly id: string;
  readonly model: StudentNetwork;
  /** Its own parameters and the variables that parts have for it, the latter below `partPrefix`. */
  readonly specs: readonly ParameterSpec[];
}

/** A teacher of the run. */
export interface TeacherPart extends Worker {
  readonly id: string;
  readonly slot: TeacherSlot;
}

/** A selector of the run. */
export interface SelectorPart extends Worker {
  readonly id: string;
  readonly slot: SelectorSlot;
}

/** A weighter of the run. */
export interface WeighterPart extends Worker {
  readonly id: string;
  readonly slot: WeighterSlot;
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
  readonly selectors: readonly SelectorPart[];
  readonly weighters: readonly WeighterPart[];
  readonly losses: readonly LossPart[];
  readonly optimizer: Bound<Optimizer<Tensor>>;
  readonly schedule: Bound<Schedule>;
  /** Largest norm of a student's gradients; null leaves them. */
  readonly clipNorm: number | null;
  readonly ops: Ops;
  /** k, background included. */
  readonly classCount: number;
  /** Views that somebody asks for, in the order in which they are joined to one batch. */
  readonly views: readonly ViewInUse[];
}

/** A view of a step. */
export interface ViewInUse {
  readonly name: ViewName;
  /** Whether anybody takes logits or heads of it, and not features alone. */
  readonly logits: boolean;
  /** Features that somebody takes; null where any may be. */
  readonly features: readonly string[] | null;
}

/** Whether a loss takes this of a view. */
export function takes({ slot }: Pick<LossPart, 'slot'>, view: ViewName, need: ViewNeed): boolean {
  return slot.takes[view]?.includes(need) === true;
}

/** How a need of one feature begins. */
export const ONE_FEATURE = 'feature:';

/** Whether a weighter has a word about a student. */
export function weighs({ slot }: WeighterPart, studentId: string): boolean {
  return slot.students === null || slot.students.includes(studentId);
}

/** Clean views that are the parts of a batch. */
export const BATCH_PARTS: readonly BatchPart[] = ['labelled', 'unlabelled'];
