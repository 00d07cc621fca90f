import type { NamedTensors } from '@dinomix/core';
import { clone, type Tensor } from '@tensorflow/tfjs-core';
import { trainerError } from '../../errors.js';
import { guarded } from '../guard.js';
import {
  bufferName,
  LEARNING_RATE,
  optimizerVariable,
  prefixed,
  studentVariable,
  teacherVariable,
  under,
} from '../names.js';
import type { StudentPart } from '../parts.js';
import { extendContext, graphContext, type StepEnvironment } from './environment.js';
import { runningStudents } from './students.js';
import { teacherContext } from './teacher-context.js';

/** New values of a student: the optimizer's, and the buffers of its pass. Keyed by variable name. */
function updateStudent(
  student: StudentPart,
  gradients: NamedTensors<Tensor>,
  buffers: NamedTensors<Tensor>,
  tensors: NamedTensors<Tensor>,
  env: StepEnvironment,
): NamedTensors<Tensor> {
  const { id, specs } = student;
  const { gradientsReady } = env.hooks;
  const ready = gradientsReady.isUsed()
    ? gradientsReady.call(gradients, extendContext(graphContext('hook', env), { studentId: id }))
    : gradients;
  const { optimizer } = env.parts;
  const worker = { key: `optimizer:${optimizer.id}`, plugin: optimizer.plugin };
  const result = guarded(worker, `update student "${id}"`, env.moment.position, () =>
    optimizer.value.apply({
      parameters: specs.filter(({ trainable }) => trainable),
      weights: under(studentVariable(id, ''), tensors),
      gradients: ready,
      state: under(optimizerVariable(id, ''), tensors),
      learningRate: tensors[LEARNING_RATE]!,
    }),
  );
  return {
    ...prefixed(studentVariable(id, ''), { ...buffers, ...result.weights }),
    ...prefixed(optimizerVariable(id, ''), result.state),
  };
}

/** New values of all teachers, given the students' new weights. Keyed by variable name. */
function updateTeachers(
  tensors: NamedTensors<Tensor>,
  updated: NamedTensors<Tensor>,
  env: StepEnvironment,
): NamedTensors<Tensor> {
  const students = runningStudents(env.parts.students, () => ({ ...tensors, ...updated }));
  const values = env.parts.teachers.map((teacher) => {
    const { slot, id, key } = teacher;
    if (slot.update === undefined) return {};
    const ctx = teacherContext(teacher, graphContext(key, env), students, tensors, (made) => made);
    const next = guarded(teacher, 'update its weights', env.moment.position, () => slot.update!(ctx));
    return prefixed(teacherVariable(id, ''), next);
  });
  return Object.assign({}, ...values) as NamedTensors<Tensor>;
}

/**
 * New values of students and teachers, by variable name. Each is a tensor of its own.
 * @param gradients - by variable name; absent where the loss does not depend on a variable.
 * @param buffers - new values of buffers under {@link bufferName}; other tensors are passed over.
 * @throws DMX_GRADIENT_NONE when no gradient reaches a student.
 */
export function updateAll(
  gradients: NamedTensors<Tensor>,
  buffers: NamedTensors<Tensor>,
  tensors: NamedTensors<Tensor>,
  env: StepEnvironment,
): NamedTensors<Tensor> {
  const students = env.parts.students.map((student) => {
    const reached = under(studentVariable(student.id, ''), gradients);
    if (Object.keys(reached).length === 0) throw trainerError('DMX_GRADIENT_NONE', { studentId: student.id });
    return updateStudent(student, reached, under(bufferName(student.id, ''), buffers), tensors, env);
  });
  const updated = Object.assign({}, ...students) as NamedTensors<Tensor>;
  const all = { ...updated, ...updateTeachers(tensors, updated, env) };
  // A plugin may hand back a tensor that it was given; the caller disposes old and new values apart from each other.
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, clone(value)]));
}
