import '../../../test/backend.js';
import { join } from 'node:path';
import { readSafetensors } from '@dinomix/volume';
import { grad, mean, mul, ones, scalar, square, sub, type Tensor } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { tinyLoss, tinyPlugin } from '../../../test/tiny-plugins.js';
import { oneEpoch, tinyRun } from '../../../test/tiny-run.js';
import type { LossSlot, TeacherSlot } from '../../types.js';

/** A teacher whose tokens are a variable of its own, which says that it may be trained. */
function tokenTeacher(gain: number, traceable: boolean): TeacherSlot {
  const tokens = (image: Tensor, value: Tensor) => mul(ones([image.shape[0]!, 2, 2, 2, 2]), value);
  return {
    kind: 'outside',
    traceable,
    produces: { probabilities: false, tokens: true },
    tokenChannels: () => 2,
    looksAt: ['labelled'],
    provenance: null,
    parameters: () => [
      { name: 'gain', shape: [], initializer: { kind: 'constant', value: gain }, trainable: true, decay: true },
    ],
    predict: (parts, { state }) => {
      const said = { labelled: { tokens: tokens(parts.labelled!.image, state.gain!) } };
      return traceable ? said : Promise.resolve(said);
    },
  };
}

/** (mean of the logits - mean of the tokens)², to which both sides matter alike. */
const distance = (logits: Tensor, tokens: Tensor): Tensor => square(sub(mean(logits), mean(tokens)));

const distil: LossSlot = {
  ...tinyLoss(['labelled']),
  takes: { labelled: ['logits', 'tokens'] },
  evaluate: ({ views }) => ({ value: distance(views.labelled!.logits, views.labelled!.tokens.means!) }),
};

/** Every variable after three steps, by name. */
async function trained(gain: number, traceable: boolean): Promise<Readonly<Record<string, readonly number[]>>> {
  const teacher = tinyPlugin(['teacher:means'], (api) => {
    api.provide('teacher', 'means', () => tokenTeacher(gain, traceable));
  });
  const loss = tinyPlugin(['loss:distil'], (api) => api.provide('loss', 'distil', () => distil));
  const given = { more: [teacher, loss], use: { teacher: ['ema', 'means'], loss: { supervised: 1, distil: 1 } } };
  const { outcome, directory } = await tinyRun(oneEpoch(given));
  expect(outcome.error).toBeNull();
  const file = await readSafetensors(join(directory, 'checkpoints', 'checkpoint-00000003.safetensors'));
  return Object.fromEntries([...file.entries.keys()].map((name) => [name, Array.from(file.tensor(name).data, Number)]));
}

it('a loss that falls by changing the tokens has a gradient for them', () => {
  const slope = grad((gain) => distance(ones([2, 3]), mul(ones([2, 2, 2, 2, 2]), gain)))(scalar(3)).dataSync()[0];
  // d/dg (1 - g)² = 2 (g - 1).
  expect(slope).toBeCloseTo(4, 5);
});

it.each([[true], [false]])(
  'no gradient reaches the teacher, inside the graph of the step or outside (traceable %s)',
  async (traceable) => {
    const [three, five] = [await trained(3, traceable), await trained(5, traceable)];
    const names = Object.keys(three);
    const own = names.filter((name) => name.includes('gain'));
    expect(own.length).toBeGreaterThan(0);
    // Neither the optimizer nor its decay has touched it.
    expect(own.map((name) => [three[name], five[name]])).toEqual(own.map(() => [[3], [5]]));
    // The students did learn from it.
    const changed = names.filter(
      (name) => !own.includes(name) && JSON.stringify(three[name]) !== JSON.stringify(five[name]),
    );
    expect(changed.some((name) => /net/.test(name))).toBe(true);
  },
);
