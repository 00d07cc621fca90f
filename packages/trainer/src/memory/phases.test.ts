import { expect, it } from 'vitest';
import { joinPhases } from './phases.js';

const graph = (outputs: string[], waiting: number, parts: Record<string, number>) => ({
  outputs,
  waiting,
  parts,
  peak: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0),
});

const MEMORY = {
  step: [
    graph(['pseudo-label'], 30, { 'weights and optimizer': 70, work: 200 }),
    graph(['weight', 'numbers'], 0, { 'weights and optimizer': 200, activations: 1000 }),
  ],
  evaluation: graph(['probabilities'], 60, { 'weights and optimizer': 40, work: 100 }),
  sums: 500,
  variables: 100,
  always: { process: 300, cases: 20 },
  notes: [],
};

it('takes the largest of the parts that take turns, beside what is there all the time', () => {
  const { peak, phases, parts } = joinPhases(MEMORY);
  expect(phases).toEqual({
    'teachers before the step': 320 + 300,
    'training step': 320 + 1200,
    evaluation: 320 + 700,
    checkpoint: 320 + 200,
  });
  expect(peak).toBe(1520);
  expect(parts).toEqual({ process: 300, cases: 20, 'weights and optimizer': 200, activations: 1000 });
});

it('finds the peak in the evaluation of a large volume', () => {
  const { peak, parts } = joinPhases({ ...MEMORY, sums: 5000 });
  expect(peak).toBe(320 + 5200);
  expect(parts['sums of windows']).toBe(5000);
});
