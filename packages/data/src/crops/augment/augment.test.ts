import { readFileSync } from 'node:fs';
import type { AugmentationStep, Crop, Index3 } from '@dinomix/core';
import { createRng } from '@dinomix/volume';
import { describe, expect, test } from 'vitest';
import { cutCrops } from '../cut-crops.js';
import { augment } from './apply.js';
import { drawStrong } from './plan.js';

interface Reference {
  readonly shape: Index3;
  readonly image: readonly number[];
  readonly label: readonly number[];
  readonly steps: readonly (AugmentationStep & {
    readonly image: readonly number[];
    readonly label?: readonly number[];
  })[];
}

const file = new URL('../../../test/numbers/augmentation.json', import.meta.url);
const reference = JSON.parse(readFileSync(file, 'utf8')) as Reference;

describe('each transform does what batchgenerators and scipy do', () => {
  test.each(reference.steps.map((step) => [step.kind, step] as const))('%s', (kind, step) => {
    const image = Float32Array.from(reference.image);
    const label = Uint8Array.from(reference.label);
    augment(image, label, reference.shape, [{ kind, value: step.value }]);
    const largest = Math.max(...step.image.map((value, index) => Math.abs(value - image[index]!)));
    expect(largest).toBeLessThan(2e-6);
    expect([...label]).toEqual(step.label ?? reference.label);
  });

  test('the reference holds all six', () => {
    expect(reference.steps.map(({ kind }) => kind).sort()).toEqual([
      'blur',
      'brightness',
      'contrast',
      'gamma',
      'rotate',
      'scale',
    ]);
  });
});

describe('the strong set', () => {
  const plans = Array.from({ length: 4000 }, (_, item) => drawStrong(createRng({ seed: 1, stream: 'a', item })));

  test('is three of six, each with probability 0.7', () => {
    expect(Math.max(...plans.map((plan) => plan.length))).toBe(3);
    const counts = new Map<string, number>();
    for (const { kind } of plans.flat()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    // 4000 * 3 / 6 * 0.7 = 1400, standard deviation 30.
    for (const count of counts.values()) expect(Math.abs(count - 1400)).toBeLessThan(150);
    expect(counts.size).toBe(6);
    expect(plans.every((plan) => new Set(plan.map(({ kind }) => kind)).size === plan.length)).toBe(true);
  });

  test('stays within its ranges', () => {
    const values = (kind: string) =>
      plans
        .flat()
        .filter((step) => step.kind === kind)
        .map(({ value }) => value);
    for (const angle of values('rotate')) expect(Math.abs(angle)).toBeLessThanOrEqual(Math.PI / 12);
    const scales = values('scale');
    expect(Math.min(...scales)).toBeGreaterThanOrEqual(0.7);
    // Half of the draws leave the size alone.
    expect(scales.filter((value) => value === 1).length / scales.length).toBeCloseTo(0.5, 1);
    for (const kind of ['blur', 'brightness', 'contrast', 'gamma']) {
      expect(Math.min(...values(kind))).toBeGreaterThanOrEqual(0.7);
      expect(Math.max(...values(kind))).toBeLessThanOrEqual(1.3);
    }
  });
});

describe('left and right', () => {
  const source = { shape: [1, 1, 4] as const, image: Float32Array.of(1, 2, 3, 4), label: Uint8Array.of(0, 2, 3, 5) };
  const cut = (flips: Crop['flips'], swap: boolean) =>
    cutCrops({
      sources: [source],
      crops: [{ caseId: 'a', offset: [0, 0, 0], flips }],
      patch: [1, 1, 4],
      padValue: 0,
      labels: true,
      swap: swap ? { axis: 2, pairs: [[2, 3]] } : null,
    });

  test('change places in a label that is flipped along x, when asked for', () => {
    expect([...cut([false, false, true], true).label!]).toEqual([5, 2, 3, 0]);
    expect([...cut([false, false, true], false).label!]).toEqual([5, 3, 2, 0]);
    expect([...cut([false, true, false], true).label!]).toEqual([0, 2, 3, 5]);
    expect([...cut([false, false, true], true).image]).toEqual([4, 3, 2, 1]);
  });
});
