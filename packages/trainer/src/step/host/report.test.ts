import type { Batch, StepReport } from '@dinomix/core';
import { expect, it } from 'vitest';
import { assertFinite } from './report.js';

const crops = (...ids: readonly string[]) => ids.map((caseId) => ({ caseId }));
const batch = { labelled: { crops: crops('a') }, unlabelled: null } as unknown as Batch;

function reportOf(loss: number): StepReport {
  return {
    position: { epoch: 1, step: 4, stepInEpoch: 0, epochs: 2, stepsPerEpoch: 4 },
    loss,
    terms: { 'dice-ce': { value: loss, weight: 1, parts: {} } },
    classWeights: {},
    reports: {},
  } as unknown as StepReport;
}

it('lets a finite loss pass', () => {
  expect(() => assertFinite(reportOf(0.5), batch, [], '')).not.toThrow();
});

it('refuses any other', () => {
  expect(() => assertFinite(reportOf(Number.NaN), batch, [], '')).toThrow(
    expect.objectContaining({ fix: expect.stringContaining('learning rate') }),
  );
});
