import type { GraphContext } from '@dinomix/core';
import { type Tensor, tensor } from '@tensorflow/tfjs-core';
import type { RunningStudent, TeacherStep } from '../../types.js';
import { teacherVariable } from '../names.js';
import type { TeacherPart } from '../parts.js';
import type { PartScope } from './part-context.js';

/** Whose context a teacher's is. */
export function teacherScope({ id, key, plugin }: TeacherPart): PartScope {
  return { key, plugin, studentId: null, prefix: teacherVariable(id, '') };
}

/** The context of a teacher. @param own - takes charge of the tensors that the context makes. */
export function teacherContext(
  context: GraphContext<Tensor>,
  students: readonly RunningStudent[],
  own: (value: Tensor) => Tensor = (made) => made,
): TeacherStep {
  return {
    ...context,
    students,
    tensor: (data, shape) => own(tensor(data, [...shape])),
  };
}
