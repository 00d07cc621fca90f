import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { DataProblem } from '@dinomix/core';
import { createVolume } from '@dinomix/volume';
import { describe, expect, test } from 'vitest';
import { buildFolder, casesOf, DOCUMENT, imageOf, labelOf } from '../test/build-folder.js';
import { checkDataset } from './check.js';
import type { NnunetInput } from './options.js';

async function problemsOf(input: NnunetInput): Promise<DataProblem[]> {
  const found: DataProblem[] = [];
  for await (const problem of checkDataset(input)) found.push(problem);
  return found;
}

/** `[severity, file below the root, message]`. */
async function report(root: string, more: Partial<NnunetInput> = {}): Promise<string[]> {
  const found = await problemsOf({ root, validation: 0, test: 0, ...more });
  return found
    .filter(({ message }) => !/no case is in the part/.test(message))
    .map(({ severity, file, message }) => `${severity} ${file.replace(root, '.')}: ${message.replaceAll(root, '.')}`);
}

/** Changes bytes of a gzipped NIfTI file. */
async function patch(file: string, change: (bytes: Buffer) => void): Promise<void> {
  const bytes = gunzipSync(await readFile(file));
  change(bytes);
  await writeFile(file, gzipSync(bytes));
}

test('a sound data set has no problem', async () => {
  expect(await report(await buildFolder(casesOf(['a', 'b'], ['c'])))).toEqual([]);
});

test('every problem is reported at once, by file', async () => {
  const nan = imageOf(11);
  nan.data[7] = Number.NaN;
  const moved = createVolume({
    data: labelOf().data,
    shape: labelOf().shape,
    affine: imageOf(0).affine.map((row, i) => (i === 2 ? [...row.slice(0, 3), 9] : row)) as never,
  });
  const root = await buildFolder({
    ...casesOf(['cut', 'magic', 'spacing', 'nanspacing', 'shape', 'value', 'nan', 'moved', 'fine', 'twin', 'empty']),
    'imagesTr/nan_0000.nii.gz': nan,
    'labelsTr/shape.nii.gz': labelOf(3, [4, 5, 7]),
    'labelsTr/value.nii.gz': labelOf(5),
    'labelsTr/moved.nii.gz': moved,
    'imagesTr/twin_0000.nii.gz': imageOf(8),
    'labelsTr/lonely.nii.gz': labelOf(),
    'labelsTr/empty.nii.gz': labelOf(1),
    'imagesTr/nochannel.nii.gz': imageOf(70),
  });
  const image = (id: string) => join(root, `imagesTr/${id}_0000.nii.gz`);
  await writeFile(image('cut'), (await readFile(image('cut'))).subarray(0, 120));
  await patch(image('magic'), (bytes) => bytes.write('oops', 344));
  await patch(image('spacing'), (bytes) => bytes.writeFloatLE(0, 80));
  await patch(image('nanspacing'), (bytes) => bytes.writeFloatLE(Number.NaN, 88));
  const found = await report(root);
  const about = (name: string) => found.filter((line) => line.includes(`/${name}`));
  expect(about('cut_0000')[0]).toMatch(/^error .*(gzip|bytes)/);
  expect(about('magic_0000')[0]).toMatch(/^error .*magic/i);
  expect(about('spacing_0000')[0]).toMatch(/^error .*spacing 0 x 1.5 x 3 mm: pixdim\[1\]/);
  expect(about('nanspacing_0000')[0]).toMatch(/^error .*pixdim\[3\] must be a positive number/);
  expect(about('shape.nii.gz')[0]).toBe(
    'error ./labelsTr/shape.nii.gz: has the shape [4,5,7] (z, y, x), its image ./imagesTr/shape_0000.nii.gz has [4,5,6]',
  );
  expect(about('value.nii.gz')[0]).toMatch(
    /^error .*label 3 at voxel \(i, j, k\) = \(3,0,0\) is no class.*values out of range: 3, 4/,
  );
  expect(about('nan_0000')[0]).toMatch(/^error .*NaN, is voxel \(i, j, k\) = \(1,1,0\)/);
  expect(about('moved.nii.gz')[0]).toMatch(/^error .*affine that differs by 9\.000/);
  expect(about('twin_0000')[0]).toBe(
    'warning ./imagesTr/twin_0000.nii.gz: has the same voxels as ./imagesTr/fine_0000.nii.gz (case "fine")',
  );
  expect(about('lonely')[0]).toBe('error ./labelsTr/lonely.nii.gz: is a label without an image');
  expect(about('nochannel')[0]).toBe('error ./imagesTr/nochannel.nii.gz: has no channel number in its name');
  expect(about('empty.nii.gz')[0]).toBe('warning ./labelsTr/empty.nii.gz: has no foreground voxel');
  expect(found).toHaveLength(12);
});

test('both files of a case are reported', async () => {
  const root = await buildFolder({ ...casesOf(['a', 'b']), 'labelsTr/a.nii.gz': labelOf(7) });
  await patch(join(root, 'imagesTr/a_0000.nii.gz'), (bytes) => bytes.write('oops', 344));
  const files = (await report(root)).map((line) => line.split(': ')[0]);
  expect(files).toEqual(['error ./imagesTr/a_0000.nii.gz', 'error ./labelsTr/a.nii.gz']);
});

test('the label of an unlabelled case is not looked at', async () => {
  const root = await buildFolder({ ...casesOf(['a', 'b']), 'labelsTr/b.nii.gz': Buffer.from('no image') });
  expect(await report(root, { unlabelled: ['b'] })).toEqual([]);
  expect(await report(root)).toHaveLength(1);
});

describe('classes and parts', () => {
  test('a class that no labelled case has', async () => {
    const root = await buildFolder({
      ...casesOf(['a', 'b']),
      'labelsTr/a.nii.gz': labelOf(2),
      'labelsTr/b.nii.gz': labelOf(2),
    });
    expect(await report(root)).toEqual(['error .: no labelled case contains "spleen" (2)']);
    const split = { labelled: ['a'], unlabelled: [], validation: ['b'], test: [] };
    await writeFile(join(root, 'split.json'), JSON.stringify(split));
    expect(await report(root, { split: 'split.json' })).toEqual([
      'error .: no labelled case contains "spleen" (2)',
      'warning .: no validation case contains "spleen" (2)',
    ]);
  });

  test('an empty part', async () => {
    const root = await buildFolder(casesOf([], ['a', 'b']));
    const found = await problemsOf({ root });
    expect(found.map(({ severity, message }) => `${severity} ${message}`)).toEqual([
      'error no case is in the part "labelled"',
      'warning no case is in the part "validation"',
      'warning no case is in the part "test"',
    ]);
  });

  test('the same image in training and test is a leak', async () => {
    const root = await buildFolder({
      ...casesOf(['a', 'b']),
      'imagesTs/t_0000.nii.gz': imageOf(1),
    });
    expect(await report(root)).toEqual([
      'error ./imagesTs/t_0000.nii.gz: has the same voxels as ./imagesTr/b_0000.nii.gz (case "b", labelled; this one is test)',
    ]);
  });

  test('the same image as unlabelled and test case is a warning', async () => {
    const root = await buildFolder({ ...casesOf(['a', 'b'], ['c']), 'imagesTs/t_0000.nii.gz': imageOf(100) });
    expect(await report(root)).toEqual([
      'warning ./imagesTs/t_0000.nii.gz: has the same voxels as ./imagesTr/c_0000.nii.gz (case "c", unlabelled; this one is test)',
    ]);
  });

  test('intensities that cannot be HU', async () => {
    const image = imageOf(0);
    for (let index = 0; index < image.data.length; index++) image.data[index] = index % 256;
    const root = await buildFolder({ ...casesOf(['a', 'b']), 'imagesTr/a_0000.nii.gz': image });
    expect(await report(root)).toEqual([
      'warning ./imagesTr/a_0000.nii.gz: holds 0 to 119; a CT in HU has air near -1000',
    ]);
  });
});

describe('dataset.json', () => {
  const cases = casesOf(['a', 'b']);
  const first = async (document: object) => (await report(await buildFolder(cases, document)))[0];

  test('is named with what is wrong', async () => {
    const { labels: _, ...without } = DOCUMENT;
    expect(await first(without)).toBe('error ./dataset.json: has no "labels"');
    expect(await first({ ...DOCUMENT, labels: { background: 0, liver: 2 } })).toBe(
      'error ./dataset.json: its labels are 0 background, 2 liver',
    );
    expect(await first({ ...DOCUMENT, labels: { background: 0, whole: [1, 2] } })).toMatch(/region of several values/);
    expect(await first({ ...DOCUMENT, labels: { background: 0, liver: 1, ignore: 2 } })).toMatch(
      /label "ignore" \(2\)/,
    );
    expect(await first({ ...DOCUMENT, file_ending: '.mha' })).toBe('error ./dataset.json: has the file ending ".mha"');
    expect(await first({ ...DOCUMENT, numTraining: 9 })).toBe(
      'error ./dataset.json: announces 9 training cases; there are 2, 2 with a label',
    );
    expect(await first([])).toBe('error ./dataset.json: is not a JSON object');
  });

  test('or not there, or no JSON', async () => {
    const root = await buildFolder(cases);
    await writeFile(join(root, 'dataset.json'), '{ "labels": ');
    expect((await report(root))[0]).toMatch(/^error \.\/dataset\.json: line 1, column 13: a value is missing/);
    await rm(join(root, 'dataset.json'));
    expect((await report(root))[0]).toMatch(/^error \.\/dataset\.json: cannot be read: ENOENT/);
    const bare = await buildFolder({});
    expect(await report(bare)).toContain('error ./imagesTr: is not there');
  });

  test('wrong split files and patterns', async () => {
    const root = await buildFolder(cases);
    expect((await report(root, { split: 'nowhere.json' }))[0]).toMatch(/nowhere\.json: cannot be read: ENOENT/);
    expect((await report(root, { patient: '^p' }))[0]).toMatch(/has no group/);
    expect((await report(root, { patient: '(' }))[0]).toMatch(/option "patient"/);
  });
});
