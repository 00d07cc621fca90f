import { describe, expect, it } from 'vitest';
import { largestDifference, REFERENCE, wave } from '../test/reference.js';
import { optionsSchema } from './options.js';
import { inputSides, layerSlices, renderSlices } from './slices.js';

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
