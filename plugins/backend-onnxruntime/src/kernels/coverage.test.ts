import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kernelCoverage, kernelTable } from './coverage.js';

describe('kernel coverage', () => {
  it('places every kernel once', () => {
    const coverage = kernelCoverage();
    expect(new Set(coverage.map(({ kernel }) => kernel)).size).toBe(coverage.length);
    const place = (name: string) => coverage.find(({ kernel }) => kernel === name);
    expect(place('Conv3D')).toEqual({ kernel: 'Conv3D', place: 'graph', own: false });
    expect(place('NormActivation')).toEqual({ kernel: 'NormActivation', place: 'graph', own: true });
    expect(place('FFT')).toEqual({ kernel: 'FFT', place: 'cpu', own: false });
  });

  it('is what the README says: run `npm run readme` after a change', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const section = readme.split('<!-- kernels -->\n')[1]?.split('\n<!-- /kernels -->')[0];
    expect(section).toBe(kernelTable());
  });
});
