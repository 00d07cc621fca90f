import { expect, test } from 'vitest';
import { cudaRequirement } from './cuda.js';

// tensorflow.org/install/source, "Tested build configurations", Linux GPU; 2.21.0: `build_info` of its wheel.
test.each([
  ['2.5.0', '11.2', '8.1'],
  ['2.9.1', '11.2', '8.1'],
  ['2.11.0', '11.2', '8.1'],
  ['2.12.0', '11.8', '8.6'],
  ['2.13.0', '11.8', '8.6'],
  ['2.14.0', '11.8', '8.7'],
  ['2.15.0', '12.2', '8.9'],
  ['2.16.1', '12.3', '8.9'],
  ['2.17.0', '12.3', '8.9'],
  ['2.18.0', '12.5', '9.3'],
  ['2.21.0', '12.5', '9.3'],
])('libtensorflow %s needs CUDA %s and cuDNN %s', (version, cuda, cudnn) => {
  expect(cudaRequirement(version)).toEqual({ cuda, cudnn });
});

test('says nothing of versions it does not know', () => {
  expect(['1.15.0', '2.4.0', '3.0.0', 'unknown'].map(cudaRequirement)).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});
