import type { Batch, StepReport } from '@dinomix/core';
import { expect, it } from 'vitest';
import { assertFinite } from './report.js';

const crops = (...ids: readonly string[]) => ids.map((caseId) => ({ caseId }));
const batch = { labelled: { crops: crops('a') }, unlabelled: null } as unknown as Batch;

function reportOf(loss: number, weights: readonly number[]): StepReport {
  return {
    position: { epoch: 1, step: 4, stepInEpoch: 0, epochs: 2, stepsPerEpoch: 4 },
    loss,
    terms: { 'dice-ce': { value: loss, weight: 1, parts: {} } },
    classWeights: { net: weights },
    // The crops hold background and the first class; nothing of the second.
    targetVoxels: { truth: [90, 10, 0], pseudo: [0, 0, 0] },
  } as unknown as StepReport;
}

it('lets a finite loss pass', () => {
  expect(() => assertFinite(reportOf(0.5, [0, 0, 1]), batch, [], '')).not.toThrow();
});

it('says where every class of a batch has the weight 0', () => {
  expect(() => assertFinite(reportOf(Number.NaN, [0, 0, 1]), batch, [], '')).toThrow(
    expect.objectContaining({
      code: 'DMX_LOSS_NOT_FINITE',
      why: expect.stringContaining('Every class in the crops of this step has the class weight 0 (student net)'),
      fix: expect.stringContaining('weighter'),
    }),
  );
});

it('does not where some class has a weight', () => {
  expect(() => assertFinite(reportOf(Number.NaN, [0, 1, 0]), batch, [], '')).toThrow(
    expect.objectContaining({ fix: expect.stringContaining('learning rate') }),
  );
});
