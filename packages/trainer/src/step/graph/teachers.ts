import type { BatchPart, NamedTensors, StudentOutput } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { trainerError } from '../../errors.js';
import type { TeacherInput, TeacherResult, TeacherStep } from '../../types.js';
import { guarded } from '../guard.js';
import type { HostParts } from '../host-parts.js';
import { viewTensor } from '../names.js';
import { partsToAsk } from '../needs.js';
import type { TeacherPart } from '../parts.js';
import type { Answers } from './answers.js';
import { checkAnswers } from './check-answers.js';
import type { StepEnvironment } from './environment.js';
import { partContext } from './part-context.js';
import type { Sink } from './sink.js';
import { runningStudents } from './students.js';
import { teacherContext, teacherScope } from './teacher-context.js';

/** What a teacher is asked about. */
export type Asked = Readonly<Partial<Record<BatchPart, TeacherInput>>>;

/** What each student says about the clean parts, as constants of the tape: by part, then by student. */
export type SaidByPart = Readonly<Partial<Record<BatchPart, Readonly<Record<string, StudentOutput<Tensor>>>>>>;

/** What a teacher is asked about, as far as the batch has it. @param host - called when the teacher looks at the host's arrays. */
export function askedOf(
  parts: readonly BatchPart[],
  tensors: NamedTensors<Tensor>,
  host: () => HostParts,
  said: SaidByPart = {},
): Asked {
  const present = parts.filter((part) => viewTensor(part, 'image') in tensors);
  const entries = present.map((part): [BatchPart, TeacherInput] => [
    part,
    { image: tensors[viewTensor(part, 'image')]!, outputs: said[part] ?? {}, host: () => host()[part]! },
  ]);
  return Object.fromEntries(entries);
}

/** @throws DMX_TEACHER_ASYNC when a traceable teacher returns a promise. */
export function predictNow({ slot, key, plugin }: TeacherPart, asked: Asked, ctx: TeacherStep): TeacherResult {
  const answered = slot.predict(asked, ctx);
  if (answered instanceof Promise) throw trainerError('DMX_TEACHER_ASYNC', { key, plugin });
  return answered;
}

/** Asks teachers inside the graph. */
function askTraced(
  teachers: readonly TeacherPart[],
  tensors: NamedTensors<Tensor>,
  env: StepEnvironment,
  sink: Sink,
  said: SaidByPart,
): Answers {
  const { parts, moment } = env;
  const students = runningStudents(parts.students, () => tensors);
  const entries = teachers.map((teacher) => {
    const host = (): HostParts => {
      env.onLook(teacher);
      return env.host;
    };
    const ctx = teacherContext(partContext(teacherScope(teacher), tensors, env, sink), students);
    const asked = askedOf(partsToAsk(teacher, parts), tensors, host, said);
    const result = guarded(teacher, 'predict', moment.position, () =>
      checkAnswers(teacher.slot, predictNow(teacher, asked, ctx), tensors, parts.classCount),
    );
    return [teacher.id, result] as const;
  });
  return Object.fromEntries(entries);
}

/** Asks the traceable teachers of images. */
export function askTracedTeachers(tensors: NamedTensors<Tensor>, env: StepEnvironment, sink: Sink): Answers {
  return askTraced(env.traced, tensors, env, sink, {});
}

/** Asks the teachers of outputs, and lets the hook see what they say. */
export function askTeachersOfOutputs(
  tensors: NamedTensors<Tensor>,
  env: StepEnvironment,
  sink: Sink,
  said: SaidByPart,
): Answers {
  if (env.taughtBy.length === 0) return {};
  return askTraced(env.taughtBy, tensors, env, sink, said);
}
