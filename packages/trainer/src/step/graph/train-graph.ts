import type { NamedTensors, PassItems } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { isReported, KEY, NUMBERS, SET, studentVariable, under, viewTensor } from '../names.js';
import type { StepEnvironment } from './environment.js';
import {
  answersOfImages,
  evaluateStep,
  type OutputsOf,
  packNumbers,
  type TraceNotes,
  trainableOf,
} from './evaluate-step.js';
import { createSink, type Sink } from './sink.js';
import { createPass, forwardTogether } from './students.js';
import { differentiate } from './tape.js';
import { updateAll } from './updates.js';

/** One pass over all views as one batch. */
function joinedOutputs(tensors: NamedTensors<Tensor>, env: StepEnvironment, sink: Sink): OutputsOf {
  const { views, classCount } = env.parts;
  return (student, names) => {
    const images = names.map((name) => tensors[viewTensor(name, 'image')]!);
    const items = names.map((view, index): PassItems => {
      const { logits, features } = views.find(({ name }) => name === view)!;
      return { view, count: images[index]!.shape[0]!, logits, features };
    });
    const updateBuffer = (name: string, value: Tensor) => sink.set(studentVariable(student.id, name), value);
    const pass = createPass(student.id, true, tensors[KEY]!, { items, updateBuffer });
    return forwardTogether(student, images, items, tensors, pass, classCount, env.moment);
  };
}

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
    const sink = createSink();
    const weights: Record<string, number> = {};
    const answers = answersOfImages(tensors, env, sink);
    const task = { tensors, env, sink, answers, outputsOf: joinedOutputs(tensors, env, sink) };
    const taped = differentiate(trainableOf(env.parts, tensors), () => evaluateStep(task, weights));
    const { packed, layout } = packNumbers(taped, isReported);
    onTrace({ layout, weights, units: sink.units });
    return { ...updateAll(taped.gradients, under(SET, taped.extras), tensors, env), [NUMBERS]: packed };
  };
}
