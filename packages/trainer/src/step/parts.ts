import type {
  Bound,
  LossWeight,
  Mixer,
  NamedTensors,
  Optimizer,
  ParameterSpec,
  Schedule,
  ViewName,
  Weighter,
} from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { LossSlot, Ops, StudentNetwork, TeacherSlot } from '../types.js';
import type { Worker } from './guard.js';

/** A student of the run. */
export interface StudentPart extends Worker {
  readonly id: string;
  readonly model: StudentNetwork;
  /** Its own parameters and those of its losses, the latter named `loss/<loss id>/<name>`. */
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

/** Name of a variable of a student: its weights and those of its losses. */
export function studentVariable(studentId: string, name: string): string {
  return `student/${studentId}/${name}`;
}

/** Name of a variable of the optimizer. */
export function optimizerVariable(studentId: string, name: string): string {
  return `optimizer/${studentId}/${name}`;
}

/** Name of a variable of a teacher. */
export function teacherVariable(teacherId: string, name: string): string {
  return `teacher/${teacherId}/${name}`;
}

/** Prefix of the parameters that a loss has for a student. */
export function lossPrefix(lossId: string): string {
  return `loss/${lossId}/`;
}

/** The tensors whose names start with a prefix, without it. */
export function under(prefix: string, tensors: NamedTensors<Tensor>): NamedTensors<Tensor> {
  const entries = Object.entries(tensors).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]));
}

/** The tensors with a prefix put before their names. */
export function prefixed(prefix: string, tensors: NamedTensors<Tensor>): NamedTensors<Tensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, value]) => [prefix + name, value]));
}
