import type { NamedTensors } from '@dinomix/core';
import { clone, type Tensor } from '@tensorflow/tfjs-core';
import { trainerError } from '../../errors.js';
import { guarded } from '../guard.js';
import { LEARNING_RATE, optimizerVariable, prefixed, SET, studentVariable, under } from '../names.js';
import type { StudentPart } from '../parts.js';
import { clipGradients } from './clip-gradients.js';
import { extendContext, hookContext, type StepEnvironment } from './environment.js';
import { partContext } from './part-context.js';
import { createSink } from './sink.js';
import { networkWeights, runningStudents } from './students.js';
import { teacherContext, teacherScope } from './teacher-context.js';

/** New values of a student by the optimizer. Keyed by variable name. */
function optimizeStudent(
  student: StudentPart,
  gradients: NamedTensors<Tensor>,
  tensors: NamedTensors<Tensor>,
  env: StepEnvironment,
): NamedTensors<Tensor> {
  const { id, specs } = student;
  const { gradientsReady } = env.hooks;
  const clipped = clipGradients(gradients, env.parts.clipNorm);
  const ready = gradientsReady.isUsed()
    ? gradientsReady.call(clipped, extendContext(hookContext(env), { studentId: id }))
    : clipped;
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
    ...prefixed(studentVariable(id, ''), result.weights),
    ...prefixed(optimizerVariable(id, ''), result.state),
  };
}

/** What a student makes of its new weights, by variable name. @throws Error for a name or a shape that it does not have. */
function afterStep(
  student: StudentPart,
  tensors: NamedTensors<Tensor>,
  updated: NamedTensors<Tensor>,
  env: StepEnvironment,
): NamedTensors<Tensor> {
  const { id, model, key, plugin } = student;
  if (model.afterStep === undefined) return {};
  const weights = networkWeights(student, { ...tensors, ...updated });
  const scope = { key, plugin, studentId: null, prefix: studentVariable(id, 'own/') };
  const next = guarded(student, 'change its weights after the step', env.moment.position, () =>
    model.afterStep!(weights, partContext(scope, tensors, env, createSink())),
  );
  for (const [name, value] of Object.entries(next)) {
    guarded(student, 'change its weights after the step', env.moment.position, () => {
      if (weights[name]?.shape.join() === value.shape.join()) return;
      const found = weights[name] === undefined ? 'which it does not have' : `[${weights[name].shape}]`;
      throw new Error(`it gave [${value.shape}] for its parameter "${name}", ${found}`);
    });
  }
  return prefixed(studentVariable(id, ''), next);
}

/** New values of all teachers, given the students' new weights. Keyed by variable name. */
function updateTeachers(
  tensors: NamedTensors<Tensor>,
  updated: NamedTensors<Tensor>,
  env: StepEnvironment,
): NamedTensors<Tensor> {
  const students = runningStudents(env.parts.students, () => ({ ...tensors, ...updated }));
  const sink = createSink();
  for (const teacher of env.parts.teachers) {
    const { slot } = teacher;
    if (slot.update === undefined) continue;
    const context = partContext(teacherScope(teacher), tensors, env, sink);
    const ctx = teacherContext(context, students);
    guarded(teacher, 'update its weights', env.moment.position, () => slot.update!(ctx));
  }
  return under(SET, sink.tensors());
}

/**
 * New values of students and teachers, by variable name. Each is a tensor of its own.
 * @param gradients - by variable name; absent where the loss does not depend on a variable.
 * @param set - new values of variables that no gradient reaches, by variable name.
 * @throws DMX_GRADIENT_NONE when no gradient reaches a student.
 */
export function updateAll(
  gradients: NamedTensors<Tensor>,
  set: NamedTensors<Tensor>,
  tensors: NamedTensors<Tensor>,
  env: StepEnvironment,
): NamedTensors<Tensor> {
  const optimized = env.parts.students.map((student) => {
    const reached = under(studentVariable(student.id, ''), gradients);
    if (Object.keys(reached).length === 0) throw trainerError('DMX_GRADIENT_NONE', { studentId: student.id });
    return optimizeStudent(student, reached, tensors, env);
  });
  const stepped = Object.assign({ ...set }, ...optimized) as NamedTensors<Tensor>;
  const after = env.parts.students.map((student) => afterStep(student, tensors, stepped, env));
  const updated = Object.assign({ ...stepped }, ...after) as NamedTensors<Tensor>;
  const all = { ...updated, ...updateTeachers(tensors, updated, env) };
  // A plugin may hand back a tensor that it was given; the caller disposes old and new values apart from each other.
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, clone(value)]));
}
