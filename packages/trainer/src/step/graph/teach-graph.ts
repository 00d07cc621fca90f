import type { NamedTensors } from '@dinomix/core';
import { addN, argMax, clone, div, type Tensor } from '@tensorflow/tfjs-core';
import { SHARED_PSEUDO_LABEL } from '../names.js';
import { needsProbabilities } from '../needs.js';
import { flattenAnswers, flattenPseudo, gatherAnswers, pseudoTarget, tokensOf } from './answers.js';
import type { StepEnvironment } from './environment.js';
import { createSink } from './sink.js';
import { askTracedTeachers } from './teachers.js';

/**
 * The graph of the teachers alone, for steps in which somebody must see pseudo-labels before the mix. Its outputs take the
 * place of the teachers in the graph of the step.
 */
export function createTeachGraph(
  env: () => StepEnvironment,
  onTrace: () => void,
): (tensors: NamedTensors<Tensor>) => NamedTensors<Tensor> {
  return (tensors) => {
    onTrace();
    const { parts } = env();
    const traced = askTracedTeachers(tensors, env(), createSink());
    const answers = { ...gatherAnswers(tensors), ...traced };
    const outputs: Record<string, Tensor> = {};
    const shared: Tensor[] = [];
    for (const { id } of parts.students) {
      for (const part of ['labelled', 'unlabelled'] as const) {
        const target = pseudoTarget(tensors, answers, id, part);
        if (target === null) continue;
        if (part === 'unlabelled') shared.push(target.probabilities!);
        const probabilities = needsProbabilities(parts, part) ? target.probabilities : null;
        Object.assign(outputs, flattenPseudo(id, part, { ...target, probabilities }));
      }
    }
    if (shared.length > 0) {
      const mean = shared.length === 1 ? shared[0]! : div(addN(shared), shared.length);
      outputs[SHARED_PSEUDO_LABEL] = argMax(mean, -1);
    }
    for (const part of ['labelled', 'unlabelled'] as const) {
      for (const [teacher, tokens] of Object.entries(tokensOf(traced, part))) {
        Object.assign(outputs, flattenAnswers({ [teacher]: { [part]: { tokens } } }));
      }
    }
    return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, clone(value)]));
  };
}
