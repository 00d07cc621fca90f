import '../../../test/backend.js';
import { mul, ones, softmax, tensor, tidy } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { mixerThat, teacherThat, tinyEma, tinyPlugin } from '../../../test/tiny-plugins.js';
import { eventsOf, oneEpoch, tinyRun, weightsAfter } from '../../../test/tiny-run.js';

describe('teachers', () => {
  it('give the same step whether they are asked in the graph, before the mix, outside of it, or through a hook', async () => {
    const inGraph = await weightsAfter({});
    const seen: number[] = [];
    const early = mixerThat(async (facts) => {
      const labels = (await facts.pseudoLabels())!;
      expect(labels).toHaveLength(2 * 4 * 8 * 8);
      seen.push(labels.reduce((total, label) => total + label, 0));
    });
    expect(await weightsAfter({ plugins: { mixer: early } })).toBe(inGraph);
    expect(seen).toHaveLength(3);
    const asynchronous = tinyEma();
    const outside = teacherThat({
      ...asynchronous,
      traceable: false,
      predict: async (parts, ctx) => tidy(() => asynchronous.predict(parts, ctx) as never),
    });
    expect(await weightsAfter({ plugins: { teacher: outside } })).toBe(inGraph);
    const hook = tinyPlugin([], (api) => api.hooks.teacherPredicted.tap(() => undefined));
    expect(await weightsAfter({ more: [hook] })).toBe(inGraph);
  });

  it('may be changed by a hook', async () => {
    const flat = tinyPlugin([], (api) => {
      api.hooks.teacherPredicted.tap((outputs, { batch }) => {
        expect(outputs.ema!.unlabelled!.probabilities!.net!.shape).toEqual([2, 4, 8, 8, 3]);
        const shape = [...batch.unlabelled!.shape, 3];
        const only = softmax(mul(ones(shape), tensor([0, 50, 0])));
        return { ema: { unlabelled: { probabilities: { net: only } } } };
      });
    });
    const { outcome, events } = await tinyRun(oneEpoch({ more: [flat] }));
    expect(outcome.error).toBeNull();
    for (const { report } of eventsOf(events, 'step')) {
      const { targetVoxels } = report;
      expect([targetVoxels.pseudo[0], targetVoxels.pseudo[2]]).toEqual([0, 0]);
      expect(targetVoxels.pseudo[1]).toBeGreaterThan(0);
    }
  });

  it('are opened with the crop of the run, can read whole volumes and warn', async () => {
    const opened: unknown[] = [];
    const plain = tinyEma();
    const teacher = teacherThat({
      ...plain,
      async open(ctx) {
        opened.push(ctx.patch);
        const { shape, image } = await ctx.volume('u2');
        opened.push(shape, image.length);
        // Normalised as the crops are: z-score.
        expect(image.reduce((sum, value) => sum + value, 0) / image.length).toBeCloseTo(0, 4);
        ctx.warn('the cache is cold');
        await plain.open!(ctx);
      },
    });
    const { outcome, events } = await tinyRun(oneEpoch({ plugins: { teacher } }));
    expect(outcome.error).toBeNull();
    expect(opened).toEqual([[4, 8, 8], [10, 12, 12], 1440]);
    expect(events).toContainEqual(expect.objectContaining({ type: 'warning', message: 'the cache is cold' }));
  });

  it('may be left out of a step, whose plan must then do without', async () => {
    const rest = tinyPlugin([], (api) => api.hooks.teacherResolve.tap(() => ({ teachers: [] })));
    const { outcome } = await tinyRun(oneEpoch({ more: [rest] }));
    expect(outcome.error).toMatchObject({ code: 'DMX_MIX_PLAN' });
    expect(outcome.reason).toContain('without a teacher that gives probabilities');
    const wrong = tinyPlugin([], (api) => api.hooks.teacherResolve.tap(() => ({ teachers: ['dino'] })));
    expect((await tinyRun(oneEpoch({ more: [wrong] }))).outcome.error).toMatchObject({ code: 'DMX_TEACHER_CHOICE' });
  });

  it('that promise to be traceable and are not are named', async () => {
    const liar = teacherThat({ predict: async () => ({}) });
    const { outcome } = await tinyRun(oneEpoch({ plugins: { teacher: liar } }));
    expect(outcome.error).toMatchObject({ code: 'DMX_TEACHER_ASYNC' });
  });

  it('whose answer has the wrong shape are named', async () => {
    const wrong = teacherThat({ predict: () => ({ unlabelled: { probabilities: { net: ones([2, 4, 8, 8, 4]) } } }) });
    const { outcome } = await tinyRun(oneEpoch({ plugins: { teacher: wrong } }));
    expect(outcome.error).toMatchObject({ code: 'DMX_PLUGIN_FAILED', slot: 'teacher:ema' });
    expect(outcome.reason).toContain('[2, 4, 8, 8, 4]; expected [2, 4, 8, 8, 3]');
  });
});
