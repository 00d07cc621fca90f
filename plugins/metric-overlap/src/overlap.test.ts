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
  const values = createOverlapMetric(optionsSchema.parse({ empty: 'undefined' })).evaluate(input);
  expect(values).toEqual({
    dice: [null, 4 / 7, 0, null],
    jaccard: [null, 2 / 5, 0, null],
    precision: [null, 2 / 3, 0, null],
    recall: [null, 2 / 4, 0, null],
  });
});

it.each([
  ['corrected', 1, 1],
  ['p1', 0.01, 0.01],
  ['p2', 1, 0],
  ['undefined', null, null],
] as const)('scores a class absent on both sides by the rule %s', (empty, expected, whereNothingIsPredicted) => {
  const metric = createOverlapMetric({ measures: ['dice'], empty });
  expect(metric.columns).toEqual([{ name: 'dice', title: 'Dice', unit: 'ratio', better: 'higher', empty }]);
  expect(metric.evaluate(input)).toEqual({ dice: [null, 4 / 7, 0, expected] });
  const nothing = { ...input, prediction: new Uint8Array(6) };
  expect(metric.evaluate(nothing)).toEqual({ dice: [null, 0, 0, whereNothingIsPredicted] });
});

it('gives a column for each rule that is asked for', () => {
  const metric = createOverlapMetric({ measures: ['dice'], empty: ['p1', 'corrected'] });
  expect(metric.columns.map(({ name, empty }) => [name, empty])).toEqual([
    ['dice', 'p1'],
    ['dice-corrected', 'corrected'],
  ]);
  expect(metric.evaluate(input)).toEqual({ dice: [null, 4 / 7, 0, 0.01], 'dice-corrected': [null, 4 / 7, 0, 1] });
});

it('is the plugin metric:overlap and refuses unknown measures', () => {
  expect(overlap().provides).toEqual(['metric:overlap']);
  expect(() => optionsSchema.parse({ measures: ['iou'] })).toThrow(/Invalid option/);
});
