import type { BatchPart, NamedTensors, ViewName } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';

/*
 * Names of the tensors that enter and leave the graphs of a step, and of the variables that live between steps. Names of
 * variables stand in checkpoints. Ids hold no slash.
 */

/** A variable of a student: its weights and, below {@link lossPrefix}, those of its losses. */
export const studentVariable = (studentId: string, name: string): string => `student/${studentId}/${name}`;

/** A variable of the optimizer. */
export const optimizerVariable = (studentId: string, name: string): string => `optimizer/${studentId}/${name}`;

/** A variable of a teacher. */
export const teacherVariable = (teacherId: string, name: string): string => `teacher/${teacherId}/${name}`;

/** Prefix of the parameters that a loss has for a student, among that student's. */
export const lossPrefix = (lossId: string): string => `loss/${lossId}/`;

/** Whose variable it is; null for a tensor that is none. */
export function ownerOf(name: string): 'student' | 'optimizer' | 'teacher' | null {
  const [kind] = name.split('/', 1);
  return kind === 'student' || kind === 'optimizer' || kind === 'teacher' ? kind : null;
}

/** Key `[4]` of everything that is drawn in the graph of a step. */
export const KEY = 'key';
/** Scalar: the optimizer's rate. */
export const LEARNING_RATE = 'number/learning-rate';
/** Scalar: steps of the run so far. */
export const ITERATION = 'number/iteration';
/** Scalar: weight of voxels whose target is a pseudo-label. */
export const PSEUDO_WEIGHT = 'number/pseudo-weight';
/** `[n]`: everything that a step reports. */
export const NUMBERS = 'numbers';
/** `[b, d, h, w]`: the classes of the unlabelled crops that the mixers see. */
export const SHARED_PSEUDO_LABEL = 'pseudo-label';

/** Whether it is one of the numbers of a step, or its key. */
export const isNumber = (name: string): boolean => name === KEY || name.startsWith('number/');

/** A tensor of a view or of a part of the batch. */
export const viewTensor = (view: ViewName | BatchPart, field: 'image' | 'label' | 'truth' | 'pick'): string =>
  `${view}/${field}`;

/** Cells of the sources and their shares, for the tokens of a teacher on a mixed view. */
export const tokenMix = (view: ViewName, field: 'index' | 'weight', teacherId: string): string =>
  `${view}/token-${field}/${teacherId}`;

/** Scalar: weight of a loss in this step. */
export const lossWeight = (lossId: string): string => `loss-weight/${lossId}`;

/** `[k]`: class weights of a student in this step. */
export const classWeights = (studentId: string): string => `class-weights/${studentId}`;

/** What teachers may be asked about: both parts of the batch, and donor crops for their tokens. */
export type AnswerPart = BatchPart | 'donor';

/** What a teacher says about a part; of probabilities those for one student. */
export interface AnswerName {
  readonly teacherId: string;
  readonly part: AnswerPart;
  /** Null for tokens. */
  readonly studentId: string | null;
}

export function answerName({ teacherId, part, studentId }: AnswerName): string {
  const field = studentId === null ? 'tokens' : `probabilities/${studentId}`;
  return `answer/${teacherId}/${part}/${field}`;
}

/** The opposite of {@link answerName}; null for a tensor that is no answer. */
export function readAnswerName(name: string): AnswerName | null {
  const [kind, teacherId, part, field, studentId] = name.split('/');
  if (kind !== 'answer') return null;
  return { teacherId: teacherId!, part: part as AnswerPart, studentId: field === 'tokens' ? null : studentId! };
}

/** What all teachers together say for a student about a part. */
export const pseudoName = (
  studentId: string,
  part: BatchPart,
  field: 'label' | 'confidence' | 'probabilities',
): string => `pseudo/${studentId}/${part}/${field}`;

/** Scalar: the value of a loss for a student. */
export const termValue = (lossId: string, studentId: string): string => `term/${lossId}/${studentId}/value`;

/** Prefix of the scalars that a loss reports beside its value. */
export const termParts = (lossId: string, studentId: string): string => `term/${lossId}/${studentId}/part/`;

/** Whether it belongs to a loss's term. */
export const isTerm = (name: string): boolean => name.startsWith('term/');

/** `[b, d, h, w, k]` of a student on a view. */
export const logitsName = (studentId: string, view: ViewName): string => `logits/${studentId}/${view}`;

/** Counts of a view with a target. */
export const countsName = (studentId: string, view: ViewName): string => `counts/${studentId}/${view}`;

/** Voxels by predicted class on a view without target. */
export const predictedName = (studentId: string, view: ViewName): string => `predicted/${studentId}/${view}`;

/** Prefix of new values of buffers: in the graph of a step below the student's id. */
export const BUFFER = 'buffer/';

/** New value of a buffer of a student. */
export const bufferName = (studentId: string, name: string): string => `${BUFFER}${studentId}/${name}`;

/*
 * Between the graphs of a step whose views pass one after the other.
 */

/** Prefix of what a student says in a pass. */
export const SAID = 'said/';
/** Prefix of what a student says in one named pass. */
export const saidPrefix = (studentId: string, pass: string): string => `${SAID}${studentId}/${pass}/`;
/** A feature among what is said; the other name there is `logits`. */
export const featureName = (name: string): string => `feature/${name}`;
/** Prefix of gradients of the total with respect to what was said. */
export const COTANGENT = 'cotangent/';
/** Prefix of gradients by variable. */
export const GRADIENT = 'gradient/';
/** Prefix of new values of buffers of losses. */
export const LOSS_BUFFER = 'buffer-of-loss/';
/** Prefix of the gradients added up so far. */
export const SUM = 'sum/';
/** Prefix of the gradients of one more pass. */
export const MORE = 'more/';
/** Prefix of new values of buffers in one named pass. */
export const passBuffers = (pass: string, studentId: string): string => `${BUFFER}${pass}/${studentId}/`;

/** The tensors whose names start with a prefix, without it. */
export function under(prefix: string, tensors: NamedTensors<Tensor>): NamedTensors<Tensor> {
  const entries = Object.entries(tensors).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]));
}

/** The tensors with a prefix put before their names. */
export function prefixed(prefix: string, tensors: NamedTensors<Tensor>): NamedTensors<Tensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, value]) => [prefix + name, value]));
}
