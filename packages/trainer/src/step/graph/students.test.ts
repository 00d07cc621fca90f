import '../../../test/backend.js';
import { softmax } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { tinyLoss, tinyPlugin, tinyStudent } from '../../../test/tiny-plugins.js';
import { eventsOf, tinyRun } from '../../../test/tiny-run.js';
import type { TeacherSlot } from '../../types.js';

describe('two students', () => {
  const students = (['a', 'b'] as const).map((id) =>
    tinyPlugin([`student:${id}`], (api) => api.provide('student', id as never, () => tinyStudent)),
  );
  const peer: TeacherSlot = {
    kind: 'peer',
    traceable: true,
    produces: { probabilities: true, tokens: false },
    looksAt: ['labelled', 'unlabelled'],
    provenance: null,
    predict: (parts, ctx) =>
      Object.fromEntries(
        Object.entries(parts).map(([part, { image }]) => {
          const said = ctx.students.map(({ model, weights, pass }) =>
            softmax(model.forward(image, weights, pass(true)).logits),
          );
          return [part, { probabilities: { a: said[1]!, b: said[0]! } }];
        }),
      ),
  };

  it('teach each other, keep apart and are tested together', async () => {
    const teacher = tinyPlugin(['teacher:peer'], (api) => api.provide('teacher', 'peer', () => peer));
    const consistency = tinyPlugin(['loss:consistency'], (api) =>
      api.provide('loss', 'consistency', () => tinyLoss(['labelled', 'unlabelled'], true)),
    );
    const plugins = { student: null, teacher, consistency, mixer: null };
    const { outcome, events } = await tinyRun({
      plugins,
      more: students,
      use: { student: ['a', 'b'], loss: { consistency: 1, supervised: 1 } },
    });
    expect(outcome.error).toBeNull();
    const first = eventsOf(events, 'step')[0]?.report;
    expect(Object.keys(first!.terms).sort()).toEqual([
      'consistency/a',
      'consistency/b',
      'supervised/a',
      'supervised/b',
    ]);
    expect(first!.terms['supervised/a']!.value).not.toBe(first!.terms['supervised/b']!.value);
    expect(Object.keys(first!.pseudoDice)).toEqual(['a', 'b']);
    expect(eventsOf(events, 'evaluation').map(({ report }) => report.weights)).toEqual([
      'student',
      'student',
      'student',
    ]);
  });
});
