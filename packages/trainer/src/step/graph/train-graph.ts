import type { NamedTensors } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { KEY, NUMBERS } from '../names.js';
import type { StepEnvironment } from './environment.js';
import { createPass, forwardTogether } from './students.js';
import { differentiate } from './tape.js';
import { updateAll } from './updates.js';
import {
  evaluateStudents,
  type OutputsOf,
  packNumbers,
  type TraceNotes,
  trainableOf,
  viewsOfStudents,
} from './views-in-tape.js';

/**
 * The graph of one training step: a function of tensors alone. Its inputs are the variables, the batch and the numbers of
 * the step; its outputs are the new values of the variables under their names and `numbers`, which holds everything that is
 * reported.
 * @param environment - what the graph is made from; asked for at each trace.
 * @param onTrace - called whenever the function really runs, which is not at every step where a backend replays it.
 */
export function createTrainGraph(
  environment: () => StepEnvironment,
  onTrace: (notes: TraceNotes) => void,
): (tensors: NamedTensors<Tensor>) => NamedTensors<Tensor> {
  return (tensors) => {
    const env = environment();
    const { parts } = env;
    const views = viewsOfStudents(tensors, env);
    const weights: Record<string, number> = {};
    const outputsOf: OutputsOf = (student, unseen, onBuffer) => {
      const pass = createPass(student.id, true, tensors[KEY]!, onBuffer);
      const images = unseen.map(({ image }) => image);
      return forwardTogether(student, images, tensors, pass, parts.classCount, env.moment);
    };
    const taped = differentiate(trainableOf(parts, tensors), () =>
      evaluateStudents(views, tensors, env, outputsOf, weights),
    );
    const { packed, layout } = packNumbers(taped, views, parts.classCount);
    onTrace({ layout, weights });
    return { ...updateAll(taped.gradients, taped.extras, tensors, env), [NUMBERS]: packed };
  };
}
