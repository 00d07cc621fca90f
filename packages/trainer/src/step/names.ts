import type { BatchPart, NamedTensors, ViewName } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';

/*
 * Names of the tensors that enter and leave the graphs of a step, and of the variables that live between steps. Names of
 * variables stand in checkpoints. Ids hold no slash.
 */

/** A variable of a student: its weights and, below {@link partPrefix}, those that parts of the step have for it. */
export const studentVariable = (studentId: string, name: string): string => `student/${studentId}/${name}`;

/** A variable of the optimizer. */
export const optimizerVariable = (studentId: string, name: string): string => `optimizer/${studentId}/${name}`;

/** A variable of a teacher. */
export const teacherVariable = (teacherId: string, name: string): string => `teacher/${teacherId}/${name}`;

/** Slots of parts that may have variables for each student. */
export type StudentScoped = 'loss' | 'selector' | 'weighter';

/** Prefix of the variables that a part has for a student, among that student's. */
export const partPrefix = (slot: StudentScoped, id: string): string => `${slot}/${id}/`;

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
/** Scalar: epochs of the run so far. */
export const EPOCH = 'number/epoch';
/** Scalar: share of the run that is done. */
export const PROGRESS = 'number/progress';
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

/** `[k]`: class weights that were made before the graph for a student. */
export const hostClassWeights = (studentId: string): string => `class-weights/${studentId}`;

/** What teachers may be asked about: both parts of the batch, and donor crops for their tokens. */
export type AnswerPart = BatchPart | 'donor';

/** What a teacher says about a part; of probabilities those for one student. */
export interface AnswerName {
  readonly teacherId: string;
  readonly part: AnswerPart;
  /** Null for tokens. */
  readonly studentId: string | null;
  /** Name of a map; null for probabilities and tokens. */
  readonly map: string | null;
}

export function answerName({ teacherId, part, studentId, map }: AnswerName): string {
  const said = map === null ? `probabilities/${studentId}` : `maps/${studentId}/${map}`;
  return `answer/${teacherId}/${part}/${studentId === null ? 'tokens' : said}`;
}

/** The opposite of {@link answerName}; null for a tensor that is no answer. */
export function readAnswerName(name: string): AnswerName | null {
  const [kind, teacherId, part, , studentId = null, map = null] = name.split('/');
  return kind === 'answer' ? { teacherId: teacherId!, part: part as AnswerPart, studentId, map } : null;
}

/** What all teachers together say for a student about a part. */
export const pseudoName = (
  studentId: string,
  part: BatchPart,
  field: 'label' | 'confidence' | 'probabilities' | `maps/${string}`,
): string => `pseudo/${studentId}/${part}/${field}`;

/** Prefix of the maps among {@link pseudoName}. */
export const pseudoMaps = (studentId: string, part: BatchPart): string => pseudoName(studentId, part, 'maps/');

/** Scalar: the value of a loss for a student. */
export const termValue = (lossId: string, studentId: string): string => `term/${lossId}/${studentId}/value`;

/** Prefix of the scalars that a loss reports beside its value. */
export const termParts = (lossId: string, studentId: string): string => `term/${lossId}/${studentId}/part/`;

/** Counts of a view with a target. */
export const countsName = (studentId: string, view: ViewName): string => `counts/${studentId}/${view}`;

/** Voxels by predicted class on a view without target. */
export const predictedName = (studentId: string, view: ViewName): string => `predicted/${studentId}/${view}`;

/** Prefix of new values of variables that no gradient reaches. */
export const SET = 'set/';

/** Prefix of numbers that parts report: owner, student where it has one, and name follow. */
export const REPORT = 'report/';

/** `[k]`: class weights of a student in this step. */
export const weightsName = (studentId: string): string => `class-weights-used/${studentId}`;

const REPORTED = ['term/', 'counts/', 'predicted/', 'class-weights-used/', REPORT];

/** Whether it is read for the report of a step. */
export const isReported = (name: string): boolean => REPORTED.some((prefix) => name.startsWith(prefix));

/*
 * Between the graphs of a step whose views pass one after the other.
 */

/** Prefix of what a student says in a pass. */
export const SAID = 'said/';
/** Prefix of what a student says in one named pass. */
export const saidPrefix = (studentId: string, pass: string): string => `${SAID}${studentId}/${pass}/`;
/** A feature among what is said; `logits` stands beside. */
export const featureName = (name: string): string => `feature/${name}`;
/** A head among what is said. */
export const headName = (name: string): string => `head/${name}`;
/** Prefix of new values of buffers among the outputs of a pass. */
export const BUFFER = 'buffer/';
/** Prefix of gradients of the total with respect to what was said. */
export const COTANGENT = 'cotangent/';
/** Prefix of gradients by variable. */
export const GRADIENT = 'gradient/';
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
