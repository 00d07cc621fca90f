import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DHC, folderOf, imageOf, labelOf, lines, npyBytes, openOf, reportOf, writeH5 } from '../test/build.js';

test('files of other endings, links to nothing and folders are named', async () => {
  const root = await folderOf({ 'train.list': lines('a') });
  await writeH5(join(root, 'data/a.h5'), { image: imageOf(1), label: labelOf(3) });
  await writeFile(join(root, 'data/b.H5'), '');
  await writeFile(join(root, 'data/a.hdf5'), '');
  await mkdir(join(root, 'data/c.h5'));
  await symlink('/nowhere/d.h5', join(root, 'data/d.h5'));
  const found = (await reportOf(await openOf({ root }), root)).filter((line) => line.includes('./data/'));
  expect(found).toEqual([
    'warning ./data/a.hdf5: is not read: an image ends in .h5',
    'error ./data/b.H5: is not read: an image ends in .h5',
    'error ./data/c.h5: is a folder where a file is due',
    'error ./data/d.h5: is a link to what is not there',
  ]);
});

test('a pair of npy files of which one has another ending', async () => {
  const root = await folderOf({ ...DHC, 'npy/0007_image.npy': npyBytes(imageOf(7)), 'npy/0007_label.npz': '' });
  const found = await reportOf(await openOf({ root, grid: { shape: [4, 5, 6] } }), root);
  expect(found).toContain('error ./npy/0007_label.npz: is not read: a label ends in .npy');
});

test('frames of one patient in two parts are told of, with an option that checks them', async () => {
  const ids = ['patient001_frame01', 'patient001_frame12', 'patient002_frame01'];
  const root = await folderOf({
    'train.list': lines('patient001_frame01', 'patient002_frame01'),
    'val.list': lines('patient001_frame12'),
  });
  for (const [seed, id] of ids.entries()) {
    await writeH5(join(root, `data/${id}.h5`), { image: imageOf(seed), label: labelOf(3) });
  }
  const hint = (await openOf({ root })).check();
  const problems = [];
  for await (const problem of hint) problems.push(problem);
  const [found] = problems.filter(({ message }) => message.includes('of one patient'));
  expect(found).toMatchObject({
    severity: 'warning',
    message:
      'two parts of the split seem to hold images of one patient: patient001_frame01 (training) and patient001_frame12 (validation)',
  });
  const patient = /'(\^.*)'/.exec(found!.fix)![1]!;
  const strict = await openOf({ root, patient });
  expect(() => strict.splits).toThrow(/patient "patient001" is in two parts/);
});

test('0, 1, 2 and 4 of BraTS', async () => {
  const root = await folderOf({ 'train.list': lines('a') });
  const label = Int8Array.from(labelOf(3), (value) => [0, 1, 4][value]!);
  await writeH5(join(root, 'data/a.h5'), { image: imageOf(1), label });
  const plain = await openOf({ root });
  await expect(plain.readCase('a', 'labelled')).rejects.toThrow(/label 4 .*labelValues: \{ 4: 2 \}/s);
  const dataset = await openOf({ root, axes: 'zyx', labelValues: { 4: 2 } });
  expect((await dataset.readCase('a', 'labelled')).label!.data).toEqual(Uint8Array.from(labelOf(3)));
  // 2 is no value any more: who maps 4 to it wants to know of a 2.
  const sound = await folderOf({ 'train.list': lines('a') });
  await writeH5(join(sound, 'data/a.h5'), { image: imageOf(1), label: labelOf(3) });
  const strict = await openOf({ root: sound, labelValues: { 4: 2 } });
  await expect(strict.readCase('a', 'labelled')).rejects.toThrow(/label 2 at voxel .* has no class/);
});
