import type { NamedTensors, StepContext } from '@dinomix/core';
import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import type { RunningStudent, TeacherStep } from '../types.js';
import { extendContext } from './environment.js';
import { type TeacherPart, teacherVariable, under } from './parts.js';
import { placeKey } from './random.js';

/**
 * The context of a teacher.
 * @param tensors - the variables of the run, `number/iteration` and `key`.
 */
export function teacherContext(
  { id, key }: TeacherPart,
  context: StepContext,
  students: readonly RunningStudent[],
  tensors: NamedTensors<Tensor>,
): TeacherStep {
  return extendContext(context, {
    students,
    weights: under(teacherVariable(id, ''), tensors),
    iteration: tensors['number/iteration']!,
    key: (purpose: string) => placeKey(tensors.key!, `${key}/${purpose}`),
    tensor: (data: Float32Array, shape: readonly number[]) => tensor(data, [...shape]),
  });
}
