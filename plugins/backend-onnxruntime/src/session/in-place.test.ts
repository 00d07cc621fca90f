import * as tf from '@tensorflow/tfjs-core';
import { afterEach, expect, it, vi } from 'vitest';
import { useEngine } from '../../test/engine-harness.js';
import { compileStep } from '../replay.js';
import * as inPlace from './in-place.js';
import { createSession, type OrtSession } from './runtime.js';

vi.mock(import('./in-place.js'), async (original) => {
  const actual = await original();
  return { ...actual, writesInPlace: vi.fn(actual.writesInPlace) };
});

afterEach(() => {
  vi.mocked(inPlace.writesInPlace).mockReset();
});

function changed(run: (session: OrtSession, ...args: Parameters<OrtSession['run']>) => ReturnType<OrtSession['run']>) {
  return inPlace.tryInPlace((model, options) => {
    const session = createSession(model, options);
    return { run: (feeds, fetches) => run(session, feeds, fetches), dispose: () => session.dispose() };
  });
}

it('works with the real library', () => {
  expect(changed((session, feeds, fetches) => session.run(feeds, fetches))).toBe(true);
});

it('is given up where results are copied or the run fails differently', () => {
  // A library that takes sequences: it would return copies and leave the given tensors alone.
  expect(changed((_, feeds) => feeds)).toBe(false);
  const failing = () => {
    throw new Error('Sequences are supported now.');
  };
  expect(changed(failing)).toBe(false);
});

it.each([true, false])('a training loop gives the same numbers with results written in place: %s', async (works) => {
  vi.mocked(inPlace.writesInPlace).mockReturnValue(works);
  const backend = await useEngine();
  const weights = tf.variable(tf.ones([64, 64]));
  const step = compileStep(backend, ({ x }: { x: tf.Tensor }) => {
    weights.assign(tf.add(weights, x));
    return { total: tf.sum(weights), large: tf.greater(weights, 5), whole: tf.cast(weights, 'int32') };
  });
  for (let index = 1; index <= 7; index++) {
    const x = tf.scalar(index);
    const { total, large, whole } = step({ x });
    const expected = 1 + (index * (index + 1)) / 2;
    expect(total.dataSync()[0]).toBe(4096 * expected);
    expect(large.dataSync()[63]).toBe(Number(expected > 5));
    expect(whole.dataSync()[0]).toBe(expected);
    tf.dispose([x, total, large, whole]);
  }
  weights.dispose();
});
