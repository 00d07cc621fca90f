import type { BatchPart, NamedTensors, TeacherAnswer } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { TeacherResult, TeacherSlot } from '../../types.js';
import { viewTensor } from '../names.js';

function assertShape(what: string, found: readonly number[], expected: readonly (number | null)[]): void {
  if (found.length === expected.length && expected.every((side, axis) => side === null || side === found[axis])) return;
  const wanted = expected.map((side) => side ?? 'any').join(', ');
  throw new Error(`its ${what} have the shape [${found.join(', ')}]; expected [${wanted}]`);
}

function assertMaps({ produces }: TeacherSlot, { maps = {} }: TeacherAnswer<Tensor>, sides: readonly number[]): void {
  const declared = produces.maps ?? [];
  for (const [student, named] of Object.entries(maps)) {
    const missing = declared.filter((name) => !(name in named));
    const unknown = Object.keys(named).filter((name) => !declared.includes(name));
    if (missing.length + unknown.length > 0) {
      throw new Error(
        `its maps for student "${student}" are ${Object.keys(named).join(', ') || 'none'}; it declares ${declared.join(', ') || 'none'}`,
      );
    }
    for (const [name, value] of Object.entries(named)) {
      assertShape(`map "${name}" for student "${student}"`, value.shape, [...sides, null]);
    }
  }
}

/** @throws Error when an answer does not fit the crops, or holds less than the teacher declares. */
function checkAnswer(slot: TeacherSlot, answer: TeacherAnswer<Tensor>, image: Tensor, classCount: number): void {
  const sides = image.shape.slice(0, 4);
  const students = Object.entries(answer.probabilities ?? {});
  for (const [student, value] of students) {
    assertShape(`probabilities for student "${student}"`, value.shape, [...sides, classCount]);
  }
  assertMaps(slot, answer, sides);
  if (answer.tokens !== undefined) assertShape('tokens', answer.tokens.shape, [sides[0]!, null, null, null, null]);
}

/** The same answers. @throws Error when one does not fit. */
export function checkAnswers(
  slot: TeacherSlot,
  result: TeacherResult,
  tensors: NamedTensors<Tensor>,
  classCount: number,
): TeacherResult {
  for (const [part, answer] of Object.entries(result)) {
    checkAnswer(slot, answer, tensors[viewTensor(part as BatchPart, 'image')]!, classCount);
  }
  return result;
}
