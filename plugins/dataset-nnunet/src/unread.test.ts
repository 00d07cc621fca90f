import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openNnunetFolder } from '@dinomix/data';
import { writeNifti } from '@dinomix/volume';
import { describe, expect, test } from 'vitest';
import { buildFolder, casesOf, DOCUMENT, imageOf, labelOf, optionsOf } from '../test/build-folder.js';
import { problemsOf, reportOf } from '../test/report.js';
import { LAYOUT } from './layout.js';

describe('a label that is not read makes no unlabelled case in silence', () => {
  test('another ending, with two cures that work', async () => {
    const root = await buildFolder(casesOf(['a', 'b']));
    await rm(join(root, 'labelsTr/b.nii.gz'));
    await writeNifti(join(root, 'labelsTr/b.nii'), labelOf());
    const found = await problemsOf(root);
    expect(found).toMatchObject([
      { severity: 'error', file: './labelsTr/b.nii', caseId: 'b', message: 'is not read: a label ends in .nii.gz' },
    ]);
    expect(found[0]!.fix).toMatch(/^write it as b\.nii\.gz, or leave "file_ending" out of dataset\.json/);
    const dataset = await openNnunetFolder(optionsOf({ root }), LAYOUT);
    expect(() => dataset.splits).toThrow(/labelsTr\/b\.nii cannot be used/);
    const { file_ending: _, ...open } = DOCUMENT;
    await writeFile(join(root, 'dataset.json'), JSON.stringify(open));
    expect(await reportOf(root)).toEqual([]);
  });

  test('an ending in capitals, a copy in another format, a link to nothing, a folder', async () => {
    const root = await buildFolder(casesOf(['a', 'b', 'c', 'd']));
    await rename(join(root, 'labelsTr/b.nii.gz'), join(root, 'labelsTr/b.NII.GZ'));
    await writeFile(join(root, 'labelsTr/a.nrrd'), '');
    await rm(join(root, 'labelsTr/c.nii.gz'));
    await symlink('/nowhere/c.nii.gz', join(root, 'labelsTr/c.nii.gz'));
    await rm(join(root, 'labelsTr/d.nii.gz'));
    await mkdir(join(root, 'labelsTr/d.nii.gz'));
    const found = await problemsOf(root);
    expect(found.map(({ severity, file, message }) => `${severity} ${file}: ${message}`)).toEqual([
      'warning ./labelsTr/a.nrrd: is not read: a label ends in .nii.gz',
      'error ./labelsTr/b.NII.GZ: is not read: a label ends in .nii.gz',
      'error ./labelsTr/c.nii.gz: is a link to what is not there',
      'error ./labelsTr/d.nii.gz: is a folder where a file is due',
    ]);
    expect(found[1]!.fix).toBe('rename it to b.nii.gz');
  });

  test('a folder of labels that is a link to nothing', async () => {
    const root = await buildFolder({ ...casesOf(['a', 'b']), 'imagesTs/t_0000.nii.gz': imageOf(9) });
    await symlink('/nowhere', join(root, 'labelsTs'));
    expect(await reportOf(root)).toEqual([expect.stringMatching(/^error \.\/labelsTs: cannot be listed: ENOENT/)]);
  });

  test('preparation in advance leaves such a case out and says so', async () => {
    const root = await buildFolder({ ...casesOf(['a', 'b']), 'split.json': { labelled: ['a', 'b'] } });
    await rename(join(root, 'labelsTr/b.nii.gz'), join(root, 'labelsTr/b.nii'));
    const dataset = await openNnunetFolder(optionsOf({ root, split: 'split.json' }), LAYOUT);
    const { dataset: part, absent } = dataset.withoutAbsent!();
    expect(part.splits.labelled).toEqual(['a']);
    expect(absent).toMatchObject([{ caseId: 'b', role: 'labelled', file: join(root, 'labelsTr/b.nii') }]);
  });
});

describe('images', () => {
  test('other endings, links to files and folders, and what is no image', async () => {
    const root = await buildFolder(casesOf(['a', 'b']));
    await rename(join(root, 'imagesTr/b_0000.nii.gz'), join(root, 'b.nii.gz'));
    await symlink(join(root, 'b.nii.gz'), join(root, 'imagesTr/b_0000.nii.gz'));
    expect(await reportOf(root)).toEqual([]);
    await writeNifti(join(root, 'imagesTr/e_0000.nii'), imageOf(5));
    await mkdir(join(root, 'imagesTr/patient7'));
    await writeFile(join(root, 'imagesTr/notes.txt'), '');
    await writeFile(join(root, 'imagesTr/._a_0000.nii.gz'), '');
    expect(await reportOf(root)).toEqual([
      'error ./imagesTr/e_0000.nii: is not read: an image ends in .nii.gz',
      'warning ./imagesTr: holds 2 entries that are no image of a case: notes.txt, patient7',
    ]);
  });

  test('names that lack the channel number and end in four digits', async () => {
    const root = await buildFolder({
      'imagesTr/word_0002.nii.gz': imageOf(2),
      'imagesTr/word_0014.nii.gz': imageOf(14),
      'imagesTs/word_0003.nii.gz': imageOf(3),
      'labelsTr/word_0002.nii.gz': labelOf(),
      'labelsTr/word_0014.nii.gz': labelOf(),
      'dataset.json': { ...DOCUMENT, numTraining: 2 },
    });
    const found = await problemsOf(root);
    expect(found.map(({ file, message, fix }) => `${file}: ${message}; ${fix}`)).toEqual(
      ['imagesTr/word_0002', 'imagesTr/word_0014', 'imagesTs/word_0003'].map(
        (name) => `./${name}.nii.gz: has no channel number in its name; rename it to ${name.split('/')[1]}_0000.nii.gz`,
      ),
    );
  });

  test('a letter that macOS writes in two', async () => {
    const root = await buildFolder({
      [`imagesTr/${'Müller'.normalize('NFD')}_0000.nii.gz`]: imageOf(1),
      [`labelsTr/${'Müller'.normalize('NFC')}.nii.gz`]: labelOf(),
      'split.json': { labelled: ['Müller'.normalize('NFD')] },
    });
    expect(await reportOf(root, { split: 'split.json' })).toEqual([]);
  });

  test('channels that some cases have, that have no name, or no file', async () => {
    const cases = {
      ...casesOf(['a', 'b', 'c']),
      'imagesTr/a_0001.nii.gz': imageOf(7),
      'imagesTr/b_0001.nii.gz': imageOf(8),
    };
    expect(await reportOf(await buildFolder(cases))).toEqual([
      'warning .: channel 1 is there for 2 of 3 cases, and not for c',
      'warning ./dataset.json: names one channel; there are files of channel 1',
    ]);
    const three = { ...DOCUMENT, channel_names: { 0: 'CT', 1: 'PET', 2: 'MR' } };
    expect(await reportOf(await buildFolder(cases, three))).toEqual([
      'warning ./dataset.json: names the channels 0 "CT", 1 "PET", 2 "MR"; only channel 0 is read',
      'warning .: channel 1 is there for 2 of 3 cases, and not for c',
      'warning ./dataset.json: names channels of which there is no file: 2 "MR"',
    ]);
  });

  test('folders beside those of the layout', async () => {
    const root = await buildFolder(casesOf(['a', 'b']));
    await mkdir(join(root, 'imagesVa'));
    await mkdir(join(root, 'LabelsTr'));
    expect((await reportOf(root)).map((line) => line.split(':')[0])).toEqual([
      'warning ./LabelsTr',
      'warning ./imagesVa',
    ]);
  });
});

describe('what dataset.json lists', () => {
  const cases = casesOf(['a', 'b']);
  const form1 = {
    modality: { 0: 'CT' },
    labels: { 0: 'background', 1: 'liver', 2: 'spleen' },
    numTraining: 2,
  };
  const of = async (document: object) => reportOf(await buildFolder(cases, { ...form1, ...document }));
  const training = (image: string, label: string) => ({
    training: ['a', 'b'].map((id) => ({ image: `${image}/${id}.nii.gz`, label: `${label}/${id}.nii.gz` })),
  });

  test.each([
    ['./imagesTr', './labelsTr'],
    ['imagesTr', 'labelsTr'],
    ['.\\imagesTr', '.\\labelsTr'],
    ['/home/author/Task07/imagesTr', '/home/author/Task07/labelsTr'],
    ['C:\\data\\imagesTr', 'C:\\data\\labelsTr'],
  ])('in its own folders: %s', async (image, label) => {
    expect(await of(training(image, label))).toEqual([]);
  });

  test('in other folders', async () => {
    expect(await of(training('./imagesTr', './labelsTr2'))).toEqual([
      'error ./dataset.json: "training" names 2 labels in ./labelsTr2, such as ./labelsTr2/a.nii.gz; those of labelsTr would be read',
    ]);
    expect(await of(training('../other/imagesTr', './labelsTr'))).toEqual([
      expect.stringMatching(/^error \.\/dataset\.json: "training" names 2 images in \/.*other\/imagesTr/),
    ]);
    const there = await buildFolder(cases);
    expect(await of(training(`${there}/imagesTr`, './labelsTr'))).toEqual([
      expect.stringMatching(/^error \.\/dataset\.json: "training" names 2 images/),
    ]);
  });

  test('labels of other names, validation images, the key "dataset"', async () => {
    const [first, second] = training('imagesTr', 'labelsTr').training;
    const crossed = [
      { ...first, label: second!.label },
      { ...second, label: first!.label },
    ];
    expect(await of({ training: crossed })).toEqual([
      'error ./dataset.json: "training" gives 2 images labels of another name: imagesTr/a.nii.gz and labelsTr/b.nii.gz, imagesTr/b.nii.gz and labelsTr/a.nii.gz',
    ]);
    expect(await of({ validation: [{ image: './imagesVa/v.nii.gz' }] })).toEqual([
      'warning ./dataset.json: "validation" lists 1 images, which are not read',
    ]);
    expect(await of({ dataset: { a: { images: ['x.nii.gz'], label: 'y.nii.gz' } } })).toEqual([
      'error ./dataset.json: has the key "dataset", which names the files of each case; it is not followed',
    ]);
  });

  test('a number of training cases that does not fit, or is none', async () => {
    expect(await of({ numTraining: 3 })).toEqual([
      'error ./dataset.json: announces 3 training cases; there are 2, 2 with a label',
    ]);
    expect(await of({ numTraining: '2' })).toEqual([]);
    expect(await of({ numTraining: 'all' })).toEqual(['error ./dataset.json: "numTraining" is "all"']);
  });
});

describe('a CT keeps its window', () => {
  const cases = casesOf(['a', 'b']);
  const windowOf = async (document: object) => {
    const dataset = await openNnunetFolder(
      optionsOf({ root: await buildFolder(cases, { ...DOCUMENT, ...document }), validation: 0, test: 0 }),
      LAYOUT,
    );
    return dataset.preprocessing.normalisation.steps[0];
  };
  const HU = { kind: 'clip', low: -75, high: 275 };

  test.each(['CT', 'ct', ' CT ', 'CT portal venous', 'CECT', 'abdominal_CT', 'CTA'])('"%s"', async (name) => {
    expect(await windowOf({ channel_names: { 0: name } })).toEqual(HU);
  });

  test.each(['PET/CT', 'CBCT', 'MRI', 'T2', 'synthetic CT', 'object', 'rescale_0_1'])('"%s" is none', async (name) => {
    expect(await windowOf({ channel_names: { 0: name } })).toMatchObject({ kind: 'clip-percentiles' });
  });

  test('and a name that is longer is told of, unless a window was chosen', async () => {
    const root = await buildFolder(cases, { ...DOCUMENT, channel_names: { 0: 'CT portal venous' } });
    expect(await reportOf(root)).toEqual([
      expect.stringMatching(/^warning .* "CT portal venous", which is taken for a CT/),
    ]);
    expect(await reportOf(root, { window: [-100, 300] })).toEqual([]);
  });

  test.each([
    [{ CT: 0 }, '{"0":"CT"}'],
    [['CT'], '{"0":"CT"}'],
    ['CT', '{"0":"CT"}'],
    [{ PET: 1, CT: 0 }, '{"0":"CT","1":"PET"}'],
    [{ 1: 'CT' }, '{"0":"CT"}'],
  ])('names that are none by index: %j', async (channel_names, expected) => {
    const root = await buildFolder(cases, { ...DOCUMENT, channel_names });
    const [first] = await problemsOf(root);
    expect(first).toMatchObject({
      severity: 'error',
      file: './dataset.json',
      fix: `write "channel_names": ${expected}`,
    });
  });
});
