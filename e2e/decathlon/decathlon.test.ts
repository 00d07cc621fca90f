import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { dinomix } from '../support/command.js';
import { createProject } from '../support/small-project.js';

// Written by nibabel: two modalities along a fourth axis, and the `._` files that macOS leaves behind.
const TASK = fileURLToPath(new URL('../../plugins/dataset-nnunet/test/fixtures/prostate', import.meta.url));

it('a task of the Decathlon checks, trains, evaluates and predicts as it unpacks', async () => {
  const folder = await createProject();
  const data = join(folder, 'data');
  await rm(data, { recursive: true });
  await cp(TASK, data, { recursive: true });
  const split = { labelled: ['prostate_00'], unlabelled: ['prostate_03'], validation: ['prostate_12'], test: [] };
  await writeFile(join(data, 'split.json'), JSON.stringify(split));
  const check = await dinomix(folder, 'data', 'check');
  expect({ code: check.code, out: check.out }).toMatchObject({ code: 0, out: expect.stringContaining('0 errors') });
  const trained = await dinomix(folder, 'train', '-o', 'run', '--set', 'dataset.nnunet.channel=1');
  expect({ code: trained.code, err: trained.err }).toMatchObject({ code: 0 });
  const evaluated = await dinomix(folder, 'eval', 'run', '--split', 'validation', '--json');
  const { report } = JSON.parse(evaluated.out.trimEnd().split('\n').at(-1)!);
  expect(report.perClass.dice).toHaveLength(3);
  const exported = await dinomix(folder, 'export', 'run');
  expect({ code: exported.code, err: exported.err }).toMatchObject({ code: 0 });
  const scan = join(data, 'imagesTs', 'prostate_03.nii.gz');
  const predicted = await dinomix(folder, 'predict', scan, '--run', 'run', '-o', 'labels.nii.gz', '--json');
  expect({ code: predicted.code, err: predicted.err }).toMatchObject({ code: 0 });
  const [prediction] = JSON.parse(predicted.out).predictions;
  expect(prediction).toMatchObject({
    shape: [4, 5, 6],
    notes: ['read volume 1, from 0, of the 2 along its fourth axis'],
  });
});
