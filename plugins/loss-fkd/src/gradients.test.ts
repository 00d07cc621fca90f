// The gradient of every option, element by element, against central differences of formulas in double precision.
import { createCpuBackend } from '@dinomix/backend-cpu';
import { createOps, type LossViewTensors } from '@dinomix/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { referenceFkd, rowsOf } from '../test/reference.js';
import { evaluateFkd } from './fkd.js';
import { optionsSchema } from './options.js';
import { projectionParameters } from './projection.js';

await createCpuBackend().setup({ device: 'cpu', threads: null });
const ops = createOps();

const [FROM, TO] = [3, 5];
/** Two views of one crop [2, 1, 3]. */
const CROP = [1, 2, 1, 3] as const;
const PLACES = { crop: 6, slice: 3 };

const wave = (seed: number, length: number): Float32Array =>
  Float32Array.from({ length }, (_, index) => Math.sin(1.3 * index + seed) + 0.3 * Math.sin(0.7 * index * seed));

/** Tokens as a teacher gives them, or less their mean as `subtractMean` of teacher-dinov3 gives them. */
function tokensOf(subtractMean: boolean): Float32Array {
  const values = wave(1.9, 12 * TO).map((value) => value + 2);
  if (!subtractMean) return values;
  return values.map((value, index) => {
    const column = values.filter((_, other) => other % TO === index % TO);
    return value - column.reduce((a, b) => a + b) / column.length;
  });
}

function viewOf(name: 'labelled' | 'unlabelled', feature: tf.Tensor, tokens: tf.Tensor): LossViewTensors {
  return { name, features: { x4: feature }, tokens: { dinov3: tokens } } as unknown as LossViewTensors;
}

const halves = (x: tf.Tensor): tf.Tensor[] => tf.split(x, 2, 0);

const OPTIONS = (['normalised-mse', 'cosine', 'layernorm-mse', 'relation'] as const).flatMap((distance) =>
  (distance === 'relation' ? (['linear'] as const) : (['linear', 'conv-norm-relu-conv'] as const)).flatMap((head) =>
    [0, 2].flatMap((uniqueness) =>
      [false, true].map((subtractMean) => [distance, head, uniqueness, subtractMean] as const),
    ),
  ),
);

it.each(OPTIONS)('%s, %s, uniqueness %d, mean subtracted: %j', (distance, head, uniqueness, subtractMean) => {
  const options = optionsSchema.parse({ distance, head, uniqueness, hidden: 4 });
  const specs = projectionParameters({ from: FROM, to: TO }, options);
  const names = ['feature', ...specs.map(({ name }) => name)];
  const shapes = [[2, ...CROP.slice(1), FROM], ...specs.map(({ shape }) => [...shape])];
  const values = shapes.map((shape, index) =>
    wave(
      0.2 + 2.1 * index,
      shape.reduce((a, b) => a * b, 1),
    ),
  );
  const tokens = tokensOf(subtractMean);

  const loss = (...tensors: tf.Tensor[]): tf.Tensor => {
    const [feature, ...own] = tensors;
    const [first, second] = halves(feature!);
    const [firstTokens, secondTokens] = halves(tf.tensor(tokens, [2, ...CROP.slice(1), TO]));
    const views = {
      labelled: viewOf('labelled', first!, firstTokens!),
      unlabelled: viewOf('unlabelled', second!, secondTokens!),
    };
    const weights = Object.fromEntries(specs.map(({ name }, index) => [name, own[index]!]));
    return evaluateFkd({ studentId: 'net', views, classWeights: null }, { ops, state: weights }, options)!.value;
  };
  const reference = (given: readonly ArrayLike<number>[]): number => {
    const weights = Object.fromEntries(specs.map(({ name }, index) => [name, given[index + 1]!]));
    return referenceFkd(rowsOf(given[0]!, FROM), rowsOf(tokens, TO), weights, options, PLACES);
  };

  const { value, grads } = tf.valueAndGrads(loss)(values.map((data, index) => tf.tensor(data, shapes[index]!)));
  expect(value.dataSync()[0]).toBeCloseTo(reference(values), 5);
  let largest = 0;
  names.forEach((name, which) => {
    const found = grads[which]!.dataSync();
    values[which]!.forEach((_, index) => {
      const moved = (step: number): number =>
        reference(
          values.map((data, at) => {
            const exact = Float64Array.from(data);
            if (at === which) exact[index]! += step;
            return exact;
          }),
        );
      const expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
      largest = Math.max(largest, Math.abs(expected));
      expect(Math.abs(found[index]! - expected), `${name}[${index}]`).toBeLessThan(
        2e-5 * Math.max(1, Math.abs(expected)),
      );
    });
  });
  expect(largest).toBeGreaterThan(1e-3);
});
