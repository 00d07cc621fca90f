import '../../../../test/backend.js';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { batchOf, drive, network, RATE, SHAPE } from '../../../../test/pass-runner.js';
import { tinyLoss } from '../../../../test/tiny-plugins.js';
import { dropout } from '../../../ops/dropout.js';
import { modeInUse } from '../../plan-passes.js';
import { passKeyWords, placeKey } from '../../random.js';

/*
 * Batch normalisation and dropout in passes against plain TensorFlow.js: every pass has its own moments and its own mask.
 */

const EPSILON = 1e-5;
const CLASSES = 3;
type Weights = Readonly<Record<'first' | 'scale' | 'offset' | 'last', tf.Tensor>>;

interface Statistics {
  readonly mean: tf.Tensor;
  readonly variance: tf.Tensor;
}

/** Cross-entropy plus 1 - mean foreground Dice, method.md §4.0. */
function lossOf(logits: tf.Tensor, label: ArrayLike<number>): tf.Scalar {
  const rows = tf.reshape(logits, [-1, CLASSES]) as tf.Tensor2D;
  const target = tf.oneHot(tf.tensor1d([...Array.from(label)], 'int32'), CLASSES);
  const p = tf.softmax(rows);
  const ce = tf.neg(tf.mean(tf.sum(tf.mul(target, tf.logSoftmax(rows)), 1)));
  const overlap = tf.sum(tf.mul(p, target), 0);
  const dice = tf.div(tf.add(tf.mul(overlap, 2), 1), tf.add(tf.add(tf.sum(p, 0), tf.sum(target, 0)), 1));
  return tf.add(ce, tf.sub(1, tf.mean(tf.slice(dice, [1])))) as tf.Scalar;
}

/** One pass over crops `[n, d, h, w, 1]` by the formulas, with the statistics of these crops. */
function passOf(image: tf.Tensor, weights: Weights, mask: tf.Tensor | null): { logits: tf.Tensor } & Statistics {
  const wide = tf.conv3d(image as tf.Tensor5D, weights.first as tf.Tensor5D, 1, 'same');
  const { mean, variance } = tf.moments(wide, [0, 1, 2, 3]);
  const standard = tf.div(tf.sub(wide, mean), tf.sqrt(tf.add(variance, EPSILON)));
  const hidden = tf.leakyRelu(tf.add(tf.mul(standard, weights.scale), weights.offset), 0.1);
  const kept = mask === null ? hidden : tf.mul(hidden, mask);
  return { logits: tf.conv3d(kept as tf.Tensor5D, weights.last as tf.Tensor5D, 1, 'same'), mean, variance };
}

/** What passes of one crop or one view are expected to make of the weights in one step. */
function reference(first: Weights, running: Statistics, step: number, perPass: number, rate: number) {
  const { labelled, unlabelled } = batchOf(step);
  const size = SHAPE.slice(1).reduce((product, side) => product * side, 1);
  const stepKey = { seed: 1, epoch: 0, stepInEpoch: step };
  const names = ['first', 'scale', 'offset', 'last'] as const;
  const passes = (['labelled', 'unlabelled'] as const).flatMap((view) =>
    Array.from({ length: 2 / perPass }, (_, index) => ({ view, at: index * perPass })),
  );
  const statistics: Statistics[] = [];
  const total = (...given: tf.Tensor[]): tf.Scalar => {
    const weights = Object.fromEntries(names.map((name, index) => [name, given[index]!])) as Weights;
    const said = passes.map(({ view, at }) => {
      const image = (view === 'labelled' ? labelled : unlabelled!).image.slice(at * size, (at + perPass) * size);
      const shape = [perPass, ...SHAPE.slice(1)];
      const key = placeKey(tf.tensor([...passKeyWords(stepKey, `${view}/${at}`)]), 'student:net/hidden');
      const ones = tf.ones([...shape, 3]);
      const mask = rate === 0 ? null : dropout(ones, { rate, granularity: 'channel', key });
      const pass = passOf(tf.tensor(image, [...shape, 1]), weights, mask);
      statistics.push({ mean: tf.keep(pass.mean), variance: tf.keep(pass.variance) });
      return [view, pass.logits] as const;
    });
    const joined = (view: string) => tf.concat(said.filter(([name]) => name === view).map(([, logits]) => logits));
    // The labelled view against its label; the other loss wants small logits on the unlabelled one.
    return tf.add(lossOf(joined('labelled'), labelled.label), tf.mean(tf.square(joined('unlabelled')))) as tf.Scalar;
  };
  const gradients = tf.grads(total as never)(names.map((name) => first[name]));
  const weights = Object.fromEntries(
    names.map((name, index) => [name, tf.sub(first[name], tf.mul(gradients[index]!, 0.5 * RATE))]),
  ) as unknown as Weights;
  const count = perPass * size;
  const share = 1 / passes.length;
  const averaged = (values: tf.Tensor[], old: tf.Tensor) =>
    tf.add(tf.mul(old, 0.9), tf.mul(tf.addN(values.map((value) => tf.mul(value, share))), 0.1));
  const own = statistics.slice(-passes.length);
  return {
    weights,
    running: {
      mean: averaged(
        own.map(({ mean }) => mean),
        running.mean,
      ),
      variance: averaged(
        own.map(({ variance }) => tf.mul(variance, count / (count - 1))),
        running.variance,
      ),
    },
  };
}

describe.each([
  ['by-view', 2, 0],
  ['by-crop', 1, 0],
  ['by-view', 2, 0.4],
  ['by-crop', 1, 0.4],
] as const)('passes %s of %i crops with dropout %d', (passes, perPass, rate) => {
  it('agree with the formulas over three steps: gradients, running statistics', async () => {
    const losses = {
      supervised: tinyLoss(['labelled']),
      small: {
        takes: { unlabelled: ['logits'] as const },
        evaluate: ({ views }: { views: Readonly<Record<string, { logits: tf.Tensor }>> }) => ({
          value: tf.mean(tf.square(views.unlabelled!.logits)),
        }),
      } as never,
    };
    const driven = await drive({ passes, losses, mixed: false, network: { norm: 'batch', dropout: rate } });
    const values = await driven.values();
    const { parameters } = network({ norm: 'batch', dropout: rate });
    const initial = Object.fromEntries(
      parameters.map(({ name, shape }) => [name, tf.tensor([...values[`student/net/${name}`]!], [...shape])]),
    );
    let weights = initial as unknown as Weights;
    let running: Statistics = { mean: initial.mean!, variance: initial.variance! };
    for (let step = 0; step < 3; step++) ({ weights, running } = reference(weights, running, step, perPass, rate));
    await driven.steps(3);
    const found = await driven.values();
    for (const [name, expected] of Object.entries({ ...weights, ...running })) {
      expected.dataSync().forEach((value, index) => {
        // Float32 on both sides, sums of 64 voxels at most, three steps.
        expect(Math.abs(found[`student/net/${name}`]![index]! - value), name).toBeLessThan(3e-6);
      });
    }
    await driven.dispose();
  });
});

it('the passes of a step draw apart from each other and from one pass', () => {
  const key = { seed: 1, epoch: 0, stepInEpoch: 3 };
  const masks = ['labelled/0', 'labelled/1', 'unlabelled/0'].map((name) => {
    const drawn = placeKey(tf.tensor([...passKeyWords(key, name)]), 'student:net/hidden');
    return dropout(tf.ones([2, 1, 1, 1, 64]), { rate: 0.5, granularity: 'channel', key: drawn })
      .dataSync()
      .join();
  });
  expect(new Set(masks).size).toBe(3);
  expect(passKeyWords(key, 'labelled/0')).not.toEqual(passKeyWords({ ...key, stepInEpoch: 4 }, 'labelled/0'));
});

it.each([
  ['together', ['labelled', 'unlabelled'], 'together'],
  ['by-view', ['labelled', 'unlabelled'], 'by-view'],
  ['by-view', ['labelled'], 'together'],
  ['by-crop', ['labelled'], 'by-crop'],
] as const)('"%s" with the views %j acts as "%s"', (mode, views, expected) => {
  expect(modeInUse(mode, views)).toBe(expected);
});
