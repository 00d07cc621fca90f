import type { BatchPart, NamedTensors, TeacherAnswer } from '@dinomix/core';
import { type Tensor, tidy } from '@tensorflow/tfjs-core';
import { trainerError } from '../../errors.js';
import type { TeacherInput, TeacherResult, TeacherStep } from '../../types.js';
import { contextFor, type StepMoment } from '../contexts.js';
import { guarded, guardedAsync } from '../guard.js';
import type { HostParts } from '../host-parts.js';
import { viewTensor } from '../names.js';
import { partsToAsk } from '../needs.js';
import type { StepParts, TeacherPart } from '../parts.js';
import { type Answers, flattenAnswers } from './answers.js';
import { graphContext, type StepEnvironment } from './environment.js';
import { runningStudents } from './students.js';
import { teacherContext } from './teacher-context.js';

/** What a teacher is asked about, as far as the batch has it. */
function inputsFor(asked: readonly BatchPart[], tensors: NamedTensors<Tensor>, host: () => HostParts): Given {
  const present = asked.filter((part) => viewTensor(part, 'image') in tensors);
  const entries = present.map((part): [BatchPart, TeacherInput] => [
    part,
    {
      image: tensors[viewTensor(part, 'image')]!,
      get crops() {
        return host()[part]!.crops;
      },
      get data() {
        return host()[part]!.data;
      },
    },
  ]);
  return Object.fromEntries(entries);
}

function assertShape(what: string, found: readonly number[], expected: readonly (number | null)[]): void {
  if (found.length === expected.length && expected.every((side, axis) => side === null || side === found[axis])) return;
  const wanted = expected.map((side) => side ?? 'any').join(', ');
  throw new Error(`its ${what} have the shape [${found.join(', ')}]; expected [${wanted}]`);
}

/** @throws Error when probabilities or tokens do not fit the crops. */
function checkAnswer(answer: TeacherAnswer<Tensor>, image: Tensor, classCount: number): void {
  const [batch, ...size] = image.shape.slice(0, 4);
  for (const [student, value] of Object.entries(answer.probabilities ?? {})) {
    assertShape(`probabilities for student "${student}"`, value.shape, [batch!, ...size, classCount]);
  }
  if (answer.tokens !== undefined) assertShape('tokens', answer.tokens.shape, [batch!, null, null, null, null]);
}

function checkAnswers(result: TeacherResult, tensors: NamedTensors<Tensor>, classCount: number): TeacherResult {
  for (const [part, answer] of Object.entries(result))
    checkAnswer(answer, tensors[viewTensor(part as BatchPart, 'image')]!, classCount);
  return result;
}

type Given = Partial<Record<BatchPart, TeacherInput>>;

/** @throws DMX_TEACHER_ASYNC when a traceable teacher returns a promise. */
function predictNow({ slot, key, plugin }: TeacherPart, given: Given, ctx: TeacherStep): TeacherResult {
  const answered = slot.predict(given, ctx);
  if (answered instanceof Promise) throw trainerError('DMX_TEACHER_ASYNC', { key, plugin });
  return answered;
}

/** Asks the traceable teachers of a step inside the graph. */
export function askTracedTeachers(tensors: NamedTensors<Tensor>, env: StepEnvironment): Answers {
  const { parts, traced, moment, host, onLook } = env;
  const students = runningStudents(parts.students, () => tensors);
  const looked = (): HostParts => {
    onLook();
    return host;
  };
  const entries = traced.map((teacher) => {
    const ctx = teacherContext(teacher, graphContext(teacher.key, env), students, tensors, (made) => made);
    const given = inputsFor(partsToAsk(teacher, parts), tensors, looked);
    const result = guarded(teacher, 'predict', moment.position, () =>
      checkAnswers(predictNow(teacher, given, ctx), tensors, parts.classCount),
    );
    return [teacher.id, result] as const;
  });
  return Object.fromEntries(entries);
}

/**
 * Asks one teacher outside of the graph. The tensors of its answer belong to the caller; those that it made through its
 * context and did not return are disposed.
 */
export async function askTeacher(
  teacher: TeacherPart,
  asked: readonly BatchPart[],
  tensors: NamedTensors<Tensor>,
  host: HostParts,
  parts: StepParts,
  moment: StepMoment,
): Promise<TeacherResult> {
  const { slot } = teacher;
  const made: Tensor[] = [];
  const own = (value: Tensor): Tensor => {
    made.push(value);
    return value;
  };
  const students = runningStudents(parts.students, () => tensors);
  const ctx = teacherContext(teacher, contextFor(teacher.key, moment), students, tensors, own);
  const given = inputsFor(asked, tensors, () => host);
  return guardedAsync(teacher, 'predict', moment.position, async () => {
    const answered = slot.traceable === true ? predictTidily(teacher, given, ctx) : await slot.predict(given, ctx);
    const returned = new Set(answerTensors(answered));
    for (const value of made) if (!returned.has(value)) value.dispose();
    return checkAnswers(answered, tensors, parts.classCount);
  });
}

function answerTensors(result: TeacherResult): readonly Tensor[] {
  return Object.values(flattenAnswers({ teacher: result }));
}

/** A traceable teacher leaves the disposal of what it makes to whoever records it. */
function predictTidily(teacher: TeacherPart, given: Given, ctx: TeacherStep): TeacherResult {
  let answered: TeacherResult = {};
  tidy(() => {
    answered = predictNow(teacher, given, ctx);
    return [...answerTensors(answered)];
  });
  return answered;
}
