import type { BatchPart, NamedTensors } from '@dinomix/core';
import type { RunningStudent, TeacherInput, TeacherResult, TeacherSlot } from '@dinomix/trainer';
import { addN, div, softmax, type Tensor } from '@tensorflow/tfjs-core';
import type { PeerOptions } from './options.js';

/**
 * Cross pseudo supervision (Chen et al. 2021, arXiv 2106.01226): each student is taught by the mean of the other students'
 * probabilities; with two students, by the other one. What a student says is what it says as it trains, unless the option
 * `mode` gives it a pass of its own.
 */
export function createPeer(options: PeerOptions): TeacherSlot {
  return {
    kind: 'peer',
    traceable: true,
    takes: options.mode === 'shared' ? 'outputs' : 'images',
    produces: { probabilities: true, tokens: false },
    looksAt: options.looksAt,
    provenance: null,
    open: async ({ students }) => {
      if (students.length >= 2) return;
      throw new Error(
        `peer: students teach each other, and the config has ${students.length}. ` +
          "Use two, for example plugins: [vnet().as('a'), vnet().as('b')], use: { student: ['a', 'b'] }.",
      );
    },
    predict: (parts, { students }) => {
      const answers = (Object.keys(parts) as BatchPart[]).map((part) => {
        const said = students.map((student) => predict(student, parts[part]!, options));
        return [part, { probabilities: taughtByOthers(students, said) }] as const;
      });
      return Object.fromEntries(answers) as TeacherResult;
    },
  };
}

function predict({ id, model, weights, pass }: RunningStudent, input: TeacherInput, { mode }: PeerOptions): Tensor {
  if (mode === 'shared') return softmax(input.outputs[id]!.logits);
  // The student's own pass stores its running statistics; here they would be counted twice.
  const own = { ...pass(mode === 'training'), updateBuffer: () => undefined };
  return softmax(model.forward(input.image, weights, own).logits);
}

/** For each student the mean of what the others said, by student id. */
function taughtByOthers(students: readonly RunningStudent[], said: readonly Tensor[]): NamedTensors<Tensor> {
  const taught = students.map(({ id }, index) => {
    const others = said.filter((_, other) => other !== index);
    return [id, others.length === 1 ? others[0]! : div(addN(others), others.length)] as const;
  });
  return Object.fromEntries(taught);
}
