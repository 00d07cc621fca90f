import '../../../test/backend.js';
import { ones, scalar } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { tinyPlugin, tinyStudent } from '../../../test/tiny-plugins.js';
import { oneEpoch, tinyRun } from '../../../test/tiny-run.js';
import type { LossSlot } from '../../types.js';

describe('plugins that fail', () => {
  const alone = { teacher: null, mixer: null, consistency: null };
  const use = { loss: { supervised: 1 } };

  it.each([
    [
      'loss:supervised',
      () => ({
        ...alone,
        supervised: lossThat(() => {
          throw new Error('no target');
        }),
      }),
      'no target',
    ],
    [
      'student:net',
      () => ({ ...alone, student: studentThat([2, 4, 8, 8, 2]) }),
      'its logits have the shape [2,4,8,8,2]',
    ],
  ])('are named with epoch and step: %s', async (slot, plugins, reason) => {
    const { outcome } = await tinyRun(oneEpoch({ plugins: plugins(), use }));
    expect(outcome.error).toMatchObject({ code: 'DMX_PLUGIN_FAILED', slot, epoch: 0, step: 0 });
    expect(outcome.reason).toContain(reason);
  });

  it('to reach a student are named', async () => {
    const { outcome } = await tinyRun(
      oneEpoch({
        plugins: { ...alone, supervised: lossThat(() => ({ value: scalar(1) })) },
        use,
      }),
    );
    expect(outcome.error).toMatchObject({ code: 'DMX_GRADIENT_NONE' });
  });
});

function lossThat(evaluate: LossSlot['evaluate']) {
  const slot: LossSlot = { takes: { labelled: ['logits'] }, evaluate };
  return tinyPlugin(['loss:supervised'], (api) => api.provide('loss', 'supervised', () => slot));
}

function studentThat(shape: number[]) {
  return tinyPlugin(['student:net'], (api) =>
    api.provide('student', 'net', () => ({
      build: (ctx) => ({ ...tinyStudent.build(ctx), forward: () => ({ logits: ones(shape), features: {} }) }),
    })),
  );
}
