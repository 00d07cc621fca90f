import type { NamedTensors, StudentOutput } from '@dinomix/core';
import { concat, split, type Tensor } from '@tensorflow/tfjs-core';
import type { RunningStudent, StudentPass, StudentResult } from '../../types.js';
import type { StepMoment } from '../contexts.js';
import { guarded } from '../guard.js';
import { KEY, lossPrefix, studentVariable, under } from '../names.js';
import type { StudentPart } from '../parts.js';
import { placeKey } from '../random.js';

/** The weights of a student's own network, without those of its losses. */
export function networkWeights({ id, model }: StudentPart, tensors: NamedTensors<Tensor>): NamedTensors<Tensor> {
  return Object.fromEntries(model.parameters.map(({ name }) => [name, tensors[studentVariable(id, name)]!]));
}

/** The pass of a student. @param onBuffer - receives new values of buffers in training. */
export function createPass(
  studentId: string,
  training: boolean,
  stepKey: Tensor,
  onBuffer: (name: string, value: Tensor) => void = () => undefined,
): StudentPass {
  return {
    training,
    dropoutKey: (place) => placeKey(stepKey, `student:${studentId}/${place}`),
    updateBuffer(name, value) {
      if (training) onBuffer(name, value);
    },
  };
}

/** The students as teachers see them, with weights out of `tensors`. */
export function runningStudents(
  students: readonly StudentPart[],
  tensors: () => NamedTensors<Tensor>,
): readonly RunningStudent[] {
  return students.map((student) => ({
    id: student.id,
    model: student.model,
    get weights() {
      return networkWeights(student, tensors());
    },
    pass: (training) => createPass(student.id, training, tensors()[KEY]!),
  }));
}

function assertLogits(output: StudentOutput<Tensor>, image: Tensor, classCount: number): void {
  const expected = [...image.shape.slice(0, 4), classCount];
  const found = output.logits.shape;
  if (found.length === 5 && found.every((side, axis) => side === expected[axis])) return;
  throw new Error(`its logits have the shape [${found}]; expected [${expected}] for an image of [${image.shape}]`);
}

/**
 * One pass over several images as one batch, so that they share batch statistics (method.md §1.6).
 * @returns one output per image.
 */
export function forwardTogether(
  student: StudentPart,
  images: readonly Tensor[],
  tensors: NamedTensors<Tensor>,
  pass: StudentPass,
  classCount: number,
  moment: StepMoment,
): readonly StudentResult[] {
  const joined = images.length === 1 ? images[0]! : concat([...images], 0);
  const output = guarded(student, 'compute its output', moment.position, () => {
    const made = student.model.forward(joined, networkWeights(student, tensors), pass);
    assertLogits(made, joined, classCount);
    return made;
  });
  if (images.length === 1) return [output];
  const sizes = images.map(({ shape }) => shape[0]!);
  const logits = split(output.logits, sizes, 0);
  const features = Object.entries(output.features).map(([name, value]) => [name, split(value, sizes, 0)] as const);
  return logits.map((part, index) => ({
    logits: part,
    features: Object.fromEntries(features.map(([name, parts]) => [name, parts[index]!])),
  }));
}

/** The weights of a loss for a student, by name. */
export function lossWeightsOf(studentId: string, lossId: string, tensors: NamedTensors<Tensor>): NamedTensors<Tensor> {
  return under(studentVariable(studentId, lossPrefix(lossId)), tensors);
}
