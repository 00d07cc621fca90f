import type { NamedTensors, StudentOutput } from '@dinomix/core';
import { type Tensor, tidy, zeros } from '@tensorflow/tfjs-core';
import { viewTensor } from '../../names.js';
import type { StudentPart } from '../../parts.js';
import type { StepEnvironment } from '../environment.js';
import { answersOfImages, evaluateStep } from '../evaluate-step.js';
import { createSink } from '../sink.js';

/** Names of features that somebody reads, by student id. */
export type FeaturesInUse = Readonly<Record<string, readonly string[]>>;

/** An output of zeros that tells which of its features are read. */
function standIn(
  { model }: StudentPart,
  image: Tensor,
  classCount: number,
  onRead: (name: string) => void,
): StudentOutput<Tensor> {
  const [batch, ...sides] = image.shape.slice(0, 4) as [number, ...number[]];
  const strided = (stride: readonly number[]) => sides.map((side, axis) => side / stride[axis]!);
  const features: Record<string, Tensor> = {};
  for (const [name, { channels, stride }] of Object.entries(model.features)) {
    Object.defineProperty(features, name, {
      enumerable: true,
      get() {
        onRead(name);
        return zeros([batch, ...strided(stride), channels]);
      },
    });
  }
  const heads = Object.entries(model.heads ?? {}).map(
    ([name, { classes, stride }]) => [name, zeros([batch, ...strided(stride), classes])] as const,
  );
  return { logits: zeros([batch, ...sides, classCount]), heads: Object.fromEntries(heads), features };
}

/**
 * Which features are read of each student. A student may have many, as large as the image, and those that nobody reads are not
 * kept from pass to loss. Everything after the students is evaluated on outputs of zeros for it, whose values nobody looks at;
 * where a plugin taps `student.forward`, all features count as read.
 */
export function featuresInUse(tensors: NamedTensors<Tensor>, env: StepEnvironment): FeaturesInUse {
  const { students, classCount } = env.parts;
  const read = new Map(students.map(({ id }) => [id, new Set<string>()]));
  if (env.hooks.studentForward.isUsed()) {
    return Object.fromEntries(students.map(({ id, model }) => [id, Object.keys(model.features)]));
  }
  tidy(() => {
    const sink = createSink();
    const answers = answersOfImages(tensors, env, sink);
    evaluateStep(
      {
        tensors,
        env,
        sink,
        answers,
        outputsOf: (student, views) =>
          views.map((name) =>
            standIn(student, tensors[viewTensor(name, 'image')]!, classCount, (feature) => {
              read.get(student.id)!.add(feature);
            }),
          ),
      },
      {},
    );
  });
  return Object.fromEntries([...read].map(([id, names]) => [id, [...names].sort()]));
}
