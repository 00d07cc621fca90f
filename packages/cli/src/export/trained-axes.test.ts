import type { CaseData, CaseRole, Dataset } from '@dinomix/core';
import { type Affine, createVolume } from '@dinomix/volume';
import { expect, it } from 'vitest';
import { trainedAxes } from './trained-axes.js';

const LAS: Affine = [
  [-1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
  [0, 0, 0, 1],
];
const LPS: Affine = [LAS[0], [0, -1, 0, 0], LAS[2], LAS[3]];

function datasetOf(affines: readonly Affine[], orientation: 'keep' | 'RAS' = 'keep') {
  const roles: CaseRole[] = [];
  const readCase = async (id: string, role: CaseRole): Promise<CaseData> => {
    roles.push(role);
    const image = createVolume({ data: new Int16Array(1), shape: [1, 1, 1], affine: affines[Number(id)]! });
    return { id, role, files: { image: id, label: null }, image, label: null };
  };
  const splits = { labelled: affines.map((_, index) => String(index)), unlabelled: [], validation: [], test: [] };
  const preprocessing = { orientation, grid: { kind: 'keep' }, normalisation: { steps: [], display: [0, 1] } } as const;
  const dataset: Pick<Dataset, 'preprocessing' | 'splits' | 'hasAxes' | 'readCase'> = {
    preprocessing,
    splits,
    readCase,
  };
  return { dataset, roles };
}

it('are those of the files where these agree; labels stay closed', async () => {
  const { dataset, roles } = datasetOf([LAS, LAS]);
  expect(await trainedAxes(dataset)).toBe('LAS');
  expect(roles).toEqual(['unlabelled', 'unlabelled']);
});

it('are not known where files differ, have none, or are turned anyway', async () => {
  expect(await trainedAxes(datasetOf([LAS, LPS]).dataset)).toBeNull();
  expect(await trainedAxes({ ...datasetOf([LAS]).dataset, hasAxes: false })).toBeNull();
  const turned = datasetOf([LAS], 'RAS');
  expect(await trainedAxes(turned.dataset)).toBeNull();
  expect(turned.roles).toEqual([]);
});
