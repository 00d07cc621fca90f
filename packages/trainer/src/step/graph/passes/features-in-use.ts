import type { NamedTensors } from '@dinomix/core';
import { type Tensor, tidy, zeros } from '@tensorflow/tfjs-core';
import type { StudentPart } from '../../parts.js';
import type { StepEnvironment } from '../environment.js';
import { evaluateLosses } from '../loss-terms.js';
import { seenView, viewsOfStudents } from '../views-in-tape.js';

/** Names of features that somebody reads, by student id. */
export type FeaturesInUse = Readonly<Record<string, readonly string[]>>;

/** An output of zeros that tells which of its features are read. */
function standIn({ model }: StudentPart, image: Tensor, classCount: number, onRead: (name: string) => void) {
  const [batch, ...sides] = image.shape.slice(0, 4) as [number, ...number[]];
  const features: Record<string, Tensor> = {};
  for (const [name, { channels, stride }] of Object.entries(model.features)) {
    const shape = [batch, ...sides.map((side, axis) => side / stride[axis]!), channels];
    Object.defineProperty(features, name, {
      enumerable: true,
      get() {
        onRead(name);
        return zeros(shape);
      },
    });
  }
  return { logits: zeros([batch, ...sides, classCount]), features };
}

/**
 * Which features the losses read. A student may have many, as large as the image, and those that nobody reads are not kept
 * from pass to loss. The losses are evaluated on outputs of zeros for it, whose values nobody looks at; where a plugin taps
 * `student.forward`, all features count as read.
 */
export function featuresInUse(tensors: NamedTensors<Tensor>, env: StepEnvironment): FeaturesInUse {
  const { students, classCount } = env.parts;
  const read = new Map(students.map(({ id }) => [id, new Set<string>()]));
  if (env.hooks.studentForward.isUsed()) {
    return Object.fromEntries(students.map(({ id, model }) => [id, Object.keys(model.features)]));
  }
  tidy(() => {
    for (const [student, unseen] of viewsOfStudents(tensors, env)) {
      const onRead = (name: string): void => void read.get(student.id)!.add(name);
      const seen = unseen.map((view) => seenView(view, standIn(student, view.image, classCount, onRead)));
      evaluateLosses(student, seen, tensors, env, () => undefined);
    }
  });
  return Object.fromEntries([...read].map(([id, names]) => [id, [...names].sort()]));
}
