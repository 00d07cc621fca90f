import { describe, expect, it } from 'vitest';
import { ClassStatistics } from './class-statistics.js';

describe('ClassStatistics', () => {
  it('counts shares of the foreground and leaves out classes without labelled voxels', () => {
    const statistics = new ClassStatistics([9000, 30, 0, 10]);
    expect(statistics.classes).toEqual([1, 3]);
    expect(statistics.labelled()).toEqual([0.75, 0.25]);
  });

  it('averages the shares of pseudo-labels from the labelled ones on', () => {
    const statistics = new ClassStatistics([9000, 30, 10]);
    statistics.observe([100, 20, 180], 0.9);
    // 0.9 · [0.75, 0.25] + 0.1 · [0.1, 0.9]
    expect(statistics.blended(1)[0]).toBeCloseTo(0.685, 12);
    expect(statistics.blended(1)[1]).toBeCloseTo(0.315, 12);
    expect(statistics.blended(0)).toEqual([0.75, 0.25]);
    expect(statistics.blended(0.5)[0]).toBeCloseTo((0.75 + 0.685) / 2, 12);
    expect(statistics.labelled()).toEqual([0.75, 0.25]);
  });

  it('does not move by pseudo-labels of background alone', () => {
    const statistics = new ClassStatistics([9000, 30, 10]);
    statistics.observe([400, 0, 0], 0.9);
    expect(statistics.blended(1)).toEqual([0.75, 0.25]);
  });

  it('keeps a class that the pseudo-labels lost above zero', () => {
    const statistics = new ClassStatistics([0, 30, 10]);
    for (let step = 0; step < 5000; step++) statistics.observe([0, 100, 0], 0.99);
    expect(statistics.blended(1)[1]).toBe(1e-6);
  });

  it('restores its state exactly and refuses one of other classes', () => {
    const statistics = new ClassStatistics([9000, 30, 10]);
    statistics.observe([100, 20, 180], 0.9);
    const other = new ClassStatistics([9000, 30, 10]);
    other.setState(statistics.getState());
    expect(other.blended(1)).toEqual(statistics.blended(1));
    expect(() => new ClassStatistics([9000, 30, 10, 5]).setState(statistics.getState())).toThrow(
      'the state has shares of 3 classes, and the data set has 4',
    );
  });

  it('refuses labelled cases without foreground', () => {
    expect(() => new ClassStatistics([9000, 0, 0])).toThrow('no foreground voxel');
  });
});
