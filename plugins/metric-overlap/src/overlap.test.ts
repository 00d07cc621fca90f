import { expect, it } from 'vitest';
import { overlap } from './index.js';
import { optionsSchema } from './options.js';
import { createOverlapMetric } from './overlap.js';

// Class 1: predicted at 0, 1, 2; present at 1, 2, 3, 4: both 2. Class 2: predicted nowhere, present at 5. Class 3: nowhere.
const input = {
  prediction: Uint8Array.of(1, 1, 1, 0, 0, 0),
  reference: Uint8Array.of(0, 1, 1, 1, 1, 2),
  shape: [1, 2, 3],
  spacing: [1, 1, 1],
  classCount: 4,
} as const;

it('gives the four measures by hand', () => {
  const values = createOverlapMetric(optionsSchema.parse({})).evaluate(input);
  expect(values).toEqual({
    dice: [null, 4 / 7, 0, null],
    jaccard: [null, 2 / 5, 0, null],
    precision: [null, 2 / 3, 0, null],
    recall: [null, 2 / 4, 0, null],
  });
});

it.each([
  ['p1', 0.01],
  ['p2', 1],
  ['undefined', null],
] as const)('scores a class absent on both sides by the rule %s', (empty, expected) => {
  const metric = createOverlapMetric({ measures: ['dice'], empty });
  expect(metric.columns).toEqual([{ name: 'dice', title: 'Dice', unit: 'ratio', better: 'higher' }]);
  expect(metric.evaluate(input)).toEqual({ dice: [null, 4 / 7, 0, expected] });
});

it('is the plugin metric:overlap and refuses unknown measures', () => {
  expect(overlap().provides).toEqual(['metric:overlap']);
  expect(() => optionsSchema.parse({ measures: ['iou'] })).toThrow(/Invalid option/);
});
