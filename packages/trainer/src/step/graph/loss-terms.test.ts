import '../../../test/backend.js';
import { add, softmax } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { mixerThat, teacherThat, tinyLoss, tinyPlugin } from '../../../test/tiny-plugins.js';
import { eventsOf, oneEpoch, tinyRun } from '../../../test/tiny-run.js';
import type { LossSlot, TeacherSlot } from '../../types.js';

/** A mean teacher that is asked about both parts. */
const predictAll: TeacherSlot['predict'] = (parts, ctx) =>
  Object.fromEntries(
    Object.entries(parts).map(([part, { image }]) => {
      const [student] = ctx.students;
      const output = student!.model.forward(image, student!.weights, student!.pass(false));
      return [part, { probabilities: { net: softmax(output.logits) } }];
    }),
  );

describe('losses', () => {
  it('may keep buffers of their own from step to step', async () => {
    const plain = tinyLoss(['labelled']);
    const counting: LossSlot = {
      ...plain,
      parameters: () => [
        { name: 'steps', shape: [], initializer: { kind: 'constant', value: 0 }, trainable: false, decay: false },
      ],
      evaluate(input, ctx) {
        ctx.setState('steps', add(ctx.state.steps!, 1));
        return { ...plain.evaluate(input, ctx)!, parts: { steps: ctx.state.steps! } };
      },
    };
    const supervised = tinyPlugin(['loss:supervised'], (api) => api.provide('loss', 'supervised', () => counting));
    const { outcome, events } = await tinyRun(oneEpoch({ plugins: { supervised } }));
    expect(outcome.error).toBeNull();
    expect(eventsOf(events, 'step').map(({ report }) => report.terms.supervised!.parts.steps)).toEqual([0, 1, 2]);
  });

  it.each(['pseudo-labels', 'probabilities'] as const)('that need %s are refused without a teacher', async (need) => {
    const slot: LossSlot = { ...tinyLoss(['labelled']), takes: { labelled: ['logits', need] } };
    const supervised = tinyPlugin(['loss:supervised'], (api) => api.provide('loss', 'supervised', () => slot));
    const without = { supervised, teacher: null, mixer: null, consistency: null };
    const { outcome } = await tinyRun(oneEpoch({ plugins: without, use: { loss: { supervised: 1 } } }));
    expect(outcome.error).toMatchObject({ code: 'DMX_LOSS_NEEDS' });
    expect(outcome.reason).toContain('a teacher that gives probabilities');
  });

  it('get classes without probabilities where they need no more', async () => {
    const seen: [boolean, boolean][] = [];
    const looks = (probabilities: boolean): LossSlot => {
      const plain = tinyLoss(['labelled']);
      return {
        ...plain,
        takes: { labelled: ['logits', 'pseudo-labels', ...(probabilities ? (['probabilities'] as const) : [])] },
        evaluate(input, ctx) {
          const { pseudo } = input.views.labelled!;
          seen.push([pseudo !== null, pseudo?.probabilities != null]);
          return plain.evaluate(input, ctx);
        },
      };
    };
    const everywhere = teacherThat({ looksAt: ['labelled', 'unlabelled'], predict: predictAll });
    for (const probabilities of [false, true]) {
      const supervised = tinyPlugin(['loss:supervised'], (api) =>
        api.provide('loss', 'supervised', () => looks(probabilities)),
      );
      // The mixer reads pseudo-labels, so that the teachers are asked in a graph of their own.
      const mixer = mixerThat(async (facts) => void (await facts.pseudoLabels()));
      const plugins = { supervised, teacher: everywhere, consistency: null, mixer };
      const { outcome } = await tinyRun(oneEpoch({ plugins, use: { loss: { supervised: 1 } } }));
      expect(outcome.error).toBeNull();
    }
    expect(seen).toEqual([...Array(3).fill([true, false]), ...Array(3).fill([true, true])]);
  });
});
