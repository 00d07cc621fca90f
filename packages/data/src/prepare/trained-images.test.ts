import type { Dataset, ImageReading } from '@dinomix/core';
import type { Affine, Grid, Triple } from '@dinomix/volume';
import { expect, it } from 'vitest';
import { trainedImages } from './trained-images.js';

const LAS: Affine = [
  [-1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
  [0, 0, 0, 1],
];
const LPS: Affine = [LAS[0], [0, -1, 0, 0], LAS[2], LAS[3]];
// Axes i, j, k point to S, A and R: z of the file is x of the patient.
const SAR: Affine = [
  [0, 0, 4, 0],
  [0, 2, 0, 0],
  [1, 0, 0, 0],
  [0, 0, 0, 1],
];

const gridOf = (affine: Affine, shape: Triple = [1, 1, 1], spacing: Triple = [1, 1, 1]): Grid => {
  return { shape, spacing, affine };
};
const READING: ImageReading = {
  channel: 1,
  channelNames: ['T1', 'T2'],
  isHu: false,
  frame: null,
  geometry: null,
  replaceNonFinite: null,
  spacingTolerance: null,
  series: {},
};

function datasetOf(orientation: 'keep' | 'RAS', hasAxes = true) {
  const preprocessing = { orientation, grid: { kind: 'keep' }, normalisation: { steps: [], display: [0, 1] } } as const;
  return { reading: READING, preprocessing, sampling: { padValue: -1 }, hasAxes } as unknown as Dataset;
}

it('know the axes of the files where these agree and are not turned', () => {
  expect(trainedImages(datasetOf('keep'), [gridOf(LAS), gridOf(LAS)]).axes).toBe('LAS');
  expect(trainedImages(datasetOf('keep'), [gridOf(LAS), gridOf(LPS)]).axes).toBeNull();
  expect(trainedImages(datasetOf('keep', false), [gridOf(LAS)]).axes).toBeNull();
  expect(trainedImages(datasetOf('RAS'), [gridOf(LAS)]).axes).toBeNull();
});

it('know spacing and length along the axes of the network', () => {
  const images = trainedImages(datasetOf('RAS'), [
    gridOf(SAR, [10, 20, 30], [4, 2, 1]),
    gridOf(LAS, [7, 50, 60], [5, 0.5, 1.5]),
  ]);
  // SAR turned to RAS has the shape [30, 20, 10] with the spacing [1, 2, 4].
  expect(images.spacing).toEqual([
    [1, 0.5, 1.5],
    [5, 2, 4],
  ]);
  expect(images.extent).toEqual([
    [30, 25, 40],
    [35, 40, 90],
  ]);
  expect(images).toMatchObject({ reading: READING, padValue: -1 });
});
