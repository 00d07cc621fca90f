import type { BatchPart, NamedTensors } from '@dinomix/core';
import { type Tensor, tidy } from '@tensorflow/tfjs-core';
import type { TeacherResult, TeacherStep } from '../../types.js';
import type { StepMoment } from '../contexts.js';
import { contextFor } from '../contexts.js';
import { flattenAnswers } from '../graph/answers.js';
import { checkAnswers } from '../graph/check-answers.js';
import { partContext } from '../graph/part-context.js';
import type { Sink } from '../graph/sink.js';
import { runningStudents } from '../graph/students.js';
import { teacherContext, teacherScope } from '../graph/teacher-context.js';
import { type Asked, askedOf, predictNow } from '../graph/teachers.js';
import { guardedAsync } from '../guard.js';
import type { HostParts } from '../host-parts.js';
import type { StepParts, TeacherPart } from '../parts.js';

/** What a teacher outside the graph is asked with. */
export interface AskMaterial {
  readonly parts: StepParts;
  readonly host: HostParts;
  readonly moment: StepMoment;
  /** Takes what teachers report. */
  readonly sink: Sink;
}

const answerTensors = (result: TeacherResult): readonly Tensor[] => Object.values(flattenAnswers({ teacher: result }));

/** A traceable teacher leaves the disposal of what it makes to whoever records it. */
function predictTidily(teacher: TeacherPart, asked: Asked, ctx: TeacherStep): TeacherResult {
  let answered: TeacherResult = {};
  tidy(() => {
    answered = predictNow(teacher, asked, ctx);
    return [...answerTensors(answered)];
  });
  return answered;
}

/** The context of a teacher outside the graph: there nothing is recorded, and it may look at the host as it likes. */
function hostContext(
  teacher: TeacherPart,
  tensors: NamedTensors<Tensor>,
  { parts, moment, sink }: AskMaterial,
  own: (value: Tensor) => Tensor,
): TeacherStep {
  const material = { parts, moment, onLook: () => undefined, isTrained: () => false };
  const context = partContext(teacherScope(teacher), tensors, material, sink, own);
  const students = runningStudents(parts.students, () => tensors);
  return {
    ...teacherContext(context, students, own),
    host: () => contextFor(teacher.key, moment),
    setState(name) {
      throw new Error(`it set the variable "${name}" outside of the graph of the step; a teacher does so in "update"`);
    },
  };
}

/**
 * Asks one teacher outside of the graph. The tensors of its answer belong to the caller; those that it made through its
 * context and did not return are disposed.
 */
export async function askTeacher(
  teacher: TeacherPart,
  parts: readonly BatchPart[],
  tensors: NamedTensors<Tensor>,
  material: AskMaterial,
): Promise<TeacherResult> {
  const { slot } = teacher;
  const made: Tensor[] = [];
  const own = (value: Tensor): Tensor => {
    made.push(value);
    return value;
  };
  const ctx = hostContext(teacher, tensors, material, own);
  const asked = askedOf(parts, tensors, () => material.host);
  return guardedAsync(teacher, 'predict', material.moment.position, async () => {
    const answered = slot.traceable === true ? predictTidily(teacher, asked, ctx) : await slot.predict(asked, ctx);
    const returned = new Set(answerTensors(answered));
    for (const value of made) if (!returned.has(value)) value.dispose();
    return checkAnswers(slot, answered, tensors, material.parts.classCount);
  });
}
