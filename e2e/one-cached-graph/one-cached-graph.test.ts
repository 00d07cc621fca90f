import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dinomix } from '../support/command.js';
import { createProject, fileOf } from '../support/small-project.js';

/** Losses of a training of twelve steps, with a validation after each four; the steps are recorded anew at calls 2, 4 and 8. */
async function train(folder: string, out: string, cachedGraphs: number): Promise<string[]> {
  const set = ['--set', `backend.onnxruntime.cachedGraphs=${cachedGraphs}`];
  const trained = await dinomix(folder, 'train', '--json', '--out', out, ...set);
  expect({ code: trained.code, err: trained.err }).toMatchObject({ code: 0 });
  return [...trained.out.matchAll(/"type":"step".*?"loss":([0-9.]+)/g)].map((match) => match[1]!);
}

it('a graph in use outlives a cache of one: mean teacher and PIC train, validate, export and predict as with thirty', async () => {
  const folder = await createProject({ train: 'epochs: 3, stepsPerEpoch: 4, validateEvery: 1' });
  const losses = await train(folder, 'one', 1);
  expect(losses).toHaveLength(12);
  expect(losses).toEqual(await train(folder, 'thirty', 30));
  expect(await dinomix(folder, 'export', 'one')).toMatchObject({ code: 0 });
  const predicted = await dinomix(
    folder,
    'predict',
    fileOf(folder, 'image', 'c'),
    '--run',
    'one',
    '--out',
    join(folder, 'c.nii.gz'),
  );
  expect({ code: predicted.code, err: predicted.err }).toMatchObject({ code: 0 });
}, 300_000);
