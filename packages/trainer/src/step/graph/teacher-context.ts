import type { NamedTensors, StepContext } from '@dinomix/core';
import { type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import type { RunningStudent, TeacherStep } from '../../types.js';
import { ITERATION, KEY, teacherVariable, under } from '../names.js';
import type { TeacherPart } from '../parts.js';
import { placeKey } from '../random.js';
import { extendContext } from './environment.js';

/**
 * The context of a teacher.
 * @param tensors - the variables of the run, iteration and key.
 * @param own - takes charge of the tensors that the context makes.
 */
export function teacherContext(
  { id, key }: TeacherPart,
  context: StepContext,
  students: readonly RunningStudent[],
  tensors: NamedTensors<Tensor>,
  own: (value: Tensor) => Tensor,
): TeacherStep {
  return extendContext(context, {
    students,
    weights: under(teacherVariable(id, ''), tensors),
    iteration: tensors[ITERATION]!,
    key: (purpose: string) => own(tidy(() => placeKey(tensors[KEY]!, `${key}/${purpose}`))),
    tensor: (data: Float32Array, shape: readonly number[]) => own(tensor(data, [...shape])),
  });
}
