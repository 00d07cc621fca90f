import type { NamedTensors } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { extendContext, graphContext, type StepEnvironment } from './environment.js';
import { guarded } from './guard.js';
import { optimizerVariable, prefixed, type StudentPart, studentVariable, teacherVariable, under } from './parts.js';
import { runningStudents } from './students.js';
import { teacherContext } from './teacher-context.js';

/** New values of a student: the optimizer's, and the buffers of its pass. Keyed by variable name. */
export function updateStudent(
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
      learningRate: tensors['number/learning-rate']!,
    }),
  );
  return {
    ...prefixed(studentVariable(id, ''), { ...buffers, ...result.weights }),
    ...prefixed(optimizerVariable(id, ''), result.state),
  };
}

/** New values of all teachers, given the students' new weights. Keyed by variable name. */
export function updateTeachers(
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
