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
    graph(['pseudo-label'], 30, { inputs: 60, results: 10, convolutions: 200 }),
    graph(['weight', 'numbers'], 0, { inputs: 110, results: 90, convolutions: 900, losses: 100 }),
  ],
  evaluation: graph(['probabilities'], 60, { inputs: 40, results: 20, convolutions: 80 }),
  sums: 500,
  variables: 100,
  keepsWork: false,
  always: { process: 300, cases: 20 },
  notes: [],
};

it('takes the largest of the parts that take turns, beside what is there all the time', () => {
  const { peak, phases, parts } = joinPhases(MEMORY);
  // The graphs of a step keep their work beside one another, 200 and 1000 and three tenths more, with the tensors of the
  // larger one.
  expect(phases).toEqual({
    'training step': 320 + 1.3 * 1200 + 200,
    evaluation: 320 + 1.3 * 80 + 120 + 500,
    checkpoint: 320 + 200,
  });
  expect(peak).toBe(2080);
  const held = { 'weights, optimizer and crops': 200, convolutions: 1100, losses: 100, 'between values': 360 };
  expect(parts).toEqual({ process: 300, cases: 20, ...held });
});

it('finds the peak in the evaluation of a large volume', () => {
  const { peak, parts } = joinPhases({ ...MEMORY, sums: 5000 });
  expect(peak).toBe(320 + 1.3 * 80 + 120 + 5000);
  expect(parts['sums and labels of a volume']).toBe(5000);
});

it('counts the work of the step beside a checkpoint that no evaluation goes before', () => {
  expect(joinPhases({ ...MEMORY, keepsWork: true }).phases.checkpoint).toBe(320 + 200 + 1.3 * 1200);
});
