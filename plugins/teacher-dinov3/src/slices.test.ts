import { describe, expect, it } from 'vitest';
import { largestDifference, REFERENCE, wave } from '../test/reference.js';
import { optionsSchema } from './options.js';
import { inputSides, inverseOrder, layerSlices, renderSlices, reorderAxes, SLICE_AXES } from './slices.js';

describe('layers', () => {
  it('take the slices 8 k + 3 of a crop of 64', () => {
    expect(layerSlices(64, 8, 1)).toEqual([[3], [11], [19], [27], [35], [43], [51], [59]]);
  });

  it('take evenly spaced slices where several are averaged', () => {
    expect(layerSlices(16, 8, 2)).toEqual([
      [1, 5],
      [9, 13],
    ]);
    expect(layerSlices(4, 4, 4)).toEqual([[0, 1, 2, 3]]);
    expect(layerSlices(3, 1, 1)).toEqual([[0], [1], [2]]);
  });

  it('are at least one, and spread over depths that the stride does not divide', () => {
    expect(layerSlices(2, 8, 1)).toEqual([[0]]);
    expect(layerSlices(20, 8, 1)).toEqual([[3], [9], [16]]);
  });
});

describe('sides of the input', () => {
  it('are enlarged to whole patches', () => {
    expect(inputSides([128, 128], 2, 16)).toEqual([256, 256]);
    expect(inputSides([100, 60], 1, 16)).toEqual([96, 64]);
    expect(inputSides([4, 4], 1, 14)).toEqual([14, 14]);
  });
});

describe('axes', () => {
  it('across the slices come first, and go back', () => {
    // Value 100 z + 10 y + x of [2, 3, 4].
    const values = Float32Array.from(
      { length: 24 },
      (_, i) => 100 * Math.floor(i / 12) + 10 * (Math.floor(i / 4) % 3) + (i % 4),
    );
    const sagittal = reorderAxes(values, [2, 3, 4], SLICE_AXES.sagittal);
    // x = 1: rows z, columns y.
    expect([...sagittal.slice(6, 12)]).toEqual([1, 11, 21, 101, 111, 121]);
    const coronal = reorderAxes(values, [2, 3, 4], SLICE_AXES.coronal);
    expect([...coronal.slice(0, 8)]).toEqual([0, 1, 2, 3, 100, 101, 102, 103]);
    expect(reorderAxes(sagittal, [4, 2, 3], inverseOrder(SLICE_AXES.sagittal))).toEqual(values);
    expect(reorderAxes(coronal, [3, 2, 4], inverseOrder(SLICE_AXES.coronal))).toEqual(values);
    const pairs = Float32Array.from(values, (_, i) => values[Math.floor(i / 2)]! + (i % 2) / 2);
    expect([...reorderAxes(pairs, [2, 3, 2], SLICE_AXES.sagittal, 2)].slice(0, 4)).toEqual([0, 0.5, 2, 2.5]);
  });
});

describe('pictures', () => {
  const crop = wave(5 * 6 * 7).map((value) => value * 300);

  it.each(['repeat', 'neighbours'] as const)('with channels "%s" are those of PyTorch', (channels) => {
    const options = optionsSchema.parse({ channels });
    const pictures = renderSlices(crop, [5, 6, 7], [0, 3], [16, 32], [-100, 300], options);
    expect(pictures).toHaveLength(2 * 3 * 16 * 32);
    const sampled = [...pictures].filter((_, index) => index % 19 === 0);
    expect(largestDifference(sampled, REFERENCE.slices[channels])).toBeLessThan(1e-5);
  });
});
