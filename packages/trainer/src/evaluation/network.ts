import type { NamedTensors } from '@dinomix/core';
import { addN, div, softmax, type Tensor, tensor, zeros } from '@tensorflow/tfjs-core';
import { trainerError } from '../errors.js';
import type { WindowNetwork } from '../inference/sliding-window.js';
import { KEY_WORDS } from '../ops/random.js';
import { createGraphCache } from '../step/graph-cache.js';
import { type StepParts, type StudentPart, teacherVariable, under } from '../step/parts.js';
import { createPass, networkWeights } from '../step/students.js';
import type { Variables } from '../step/variables.js';
import type { RunningBackend } from '../types.js';

/** Weights under test. */
export interface TestedWeights {
  /** `student`, or the id of the teacher that keeps them. */
  readonly source: string;
  /** By parameter name of the student's network. */
  weightsOf(student: StudentPart): NamedTensors<Tensor>;
}

/**
 * Resolves the setting `inference.weights`.
 * @throws DMX_WEIGHTS_CHOICE for a teacher that is not there or keeps no weights.
 */
export function testedWeights(
  parts: Pick<StepParts, 'students' | 'teachers'>,
  variables: Variables,
  choice: string,
): TestedWeights {
  const own: TestedWeights = { source: 'student', weightsOf: (student) => networkWeights(student, variables.tensors) };
  if (choice === 'student') return own;
  const offers = (teacherId: string, student: StudentPart): NamedTensors<Tensor> | null => {
    const { slot } = parts.teachers.find(({ id }) => id === teacherId)!;
    const weights = under(teacherVariable(teacherId, ''), variables.tensors);
    return slot.evaluationWeights?.(student.id, { weights }) ?? null;
  };
  const able = parts.teachers.filter(({ id }) => parts.students.every((student) => offers(id, student) !== null));
  const teacher = choice === 'auto' ? able[0] : able.find(({ id }) => id === choice);
  if (teacher !== undefined) return { source: teacher.id, weightsOf: (student) => offers(teacher.id, student)! };
  if (choice === 'auto') return own;
  throw trainerError('DMX_WEIGHTS_CHOICE', { choice, known: ['auto', 'student', ...able.map(({ id }) => id)] });
}

/**
 * The network that is tested: one student, or the mean of several students' logits, then softmax (method.md §2.6).
 */
export function createTestNetwork(
  parts: Pick<StepParts, 'students'>,
  tested: TestedWeights,
  session: RunningBackend,
): WindowNetwork {
  const graph = (tensors: NamedTensors<Tensor>): NamedTensors<Tensor> => {
    const logits = parts.students.map(({ id, model }) => {
      const pass = createPass(id, false, zeros([KEY_WORDS]));
      return model.forward(tensors.image!, under(`weights/${id}/`, tensors), pass).logits;
    });
    return { probabilities: softmax(logits.length === 1 ? logits[0]! : div(addN(logits), logits.length)) };
  };
  const traced = (onTrace: () => void) => (tensors: NamedTensors<Tensor>) => {
    onTrace();
    return graph(tensors);
  };
  const cache = createGraphCache<void>(session, traced, () => true);
  return {
    output: 'probabilities',
    async run(x, shape) {
      const weights: Record<string, Tensor> = {};
      for (const student of parts.students) {
        for (const [name, value] of Object.entries(tested.weightsOf(student)))
          weights[`weights/${student.id}/${name}`] = value;
      }
      const image = tensor(x, [...shape]);
      const { outputs } = cache.run('test', { ...weights, image });
      const probabilities = outputs.probabilities!;
      const data = await probabilities.data<'float32'>();
      image.dispose();
      probabilities.dispose();
      return { data, shape: probabilities.shape };
    },
  };
}
