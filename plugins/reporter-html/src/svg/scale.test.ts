import { expect, it } from 'vitest';
import { linearScale, logScale } from './scale.js';

it('has round ticks', () => {
  expect(linearScale([0, 1], [0, 100]).ticks).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(linearScale([0, 1500], [0, 100]).ticks).toEqual([0, 500, 1000, 1500]);
  expect(linearScale([0.3, 7.9], [0, 100], { nice: true }).domain).toEqual([0, 8]);
  expect(linearScale([0, 4], [100, 0]).map(1)).toBe(75);
});

it('gives a flat curve some room', () => {
  expect(linearScale([2, 2], [0, 10]).domain).toEqual([1.8, 2.2]);
  expect(linearScale([0, 0], [0, 10]).domain).toEqual([-1, 1]);
});

it('counts decades', () => {
  const scale = logScale([0.0012, 0.55], [0, 300]);
  expect(scale.domain[0]).toBeCloseTo(0.001, 12);
  expect(scale.domain[1]).toBe(1);
  expect(scale.ticks).toEqual([0.001, 0.01, 0.1, 1]);
  expect(scale.map(0.1)).toBeCloseTo(200, 9);
  expect(logScale([3e-7, 1], [0, 1]).ticks).toEqual([1e-6, 1e-4, 0.01, 1]);
  expect(logScale([230, 900], [0, 1]).ticks).toEqual([200, 500, 1000]);
  expect(logScale([7, 7], [0, 1]).ticks).toEqual([5, 10]);
});
