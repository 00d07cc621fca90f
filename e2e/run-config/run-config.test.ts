import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readNifti } from '@dinomix/volume';
import { expect, it } from 'vitest';
import { dinomix } from '../support/command.js';
import { createProject, fileOf } from '../support/small-project.js';

const evaluation = async (folder: string) => {
  const text = await readFile(join(folder, 'run', 'evaluation-validation.json'), 'utf8');
  return JSON.parse(text) as { readonly mean: { readonly dice: number } };
};

async function succeed(folder: string, ...args: readonly string[]) {
  const ended = await dinomix(folder, ...args);
  expect({ args, code: ended.code }, ended.err).toEqual({ args, code: 0 });
  return ended;
}

it('a run keeps its config whatever the file says later, and moves with its project', async () => {
  const folder = await createProject();
  await succeed(folder, 'train', '-o', 'run', '--set', 'dataset.nnunet.window=[-100,500]');
  await succeed(folder, 'eval', 'run', '--split', 'validation');
  const before = await evaluation(folder);

  const config = join(folder, 'dinomix.config.ts');
  const text = await readFile(config, 'utf8');
  expect(text).toContain("grid: 'keep'");
  await writeFile(config, text.replace("grid: 'keep'", 'grid: { spacing: [4, 2, 2] }, window: [0, 1]'));
  const { err } = await succeed(folder, 'eval', 'run', '--split', 'validation');
  expect(err).toContain(`note: ${config} has changed since; the config is that of the run`);
  expect((await evaluation(folder)).mean).toEqual(before.mean);

  const image = fileOf(folder, 'image', 'c');
  // Nothing was exported: predict does it.
  const predicted = await succeed(folder, 'predict', image, '--run', 'run', '-o', 'first.nii.gz');
  expect(predicted.err).toContain('the same labels');
  const moved = `${folder}-moved`;
  await mkdir(dirname(moved), { recursive: true });
  await rename(folder, moved);
  try {
    await succeed(moved, 'eval', 'run', '--split', 'validation');
    expect((await evaluation(moved)).mean).toEqual(before.mean);
    await succeed(moved, 'resume', 'run');
    const again = ['predict', fileOf(moved, 'image', 'c'), '--run', 'run', '--force', '-o'];
    expect((await succeed(moved, ...again, 'first.nii.gz')).err).not.toContain('note  the network is of');
    await rename(join(moved, 'run', 'network.onnx'), join(moved, 'trained.onnx'));
    await succeed(moved, 'predict', fileOf(moved, 'image', 'c'), '--run', 'run', '-o', 'second.nii.gz');
    const labels = async (name: string) => (await readNifti(join(moved, name))).volume.data;
    expect(await labels('second.nii.gz')).toEqual(await labels('first.nii.gz'));
  } finally {
    await rename(moved, folder);
  }
});

it('paths of a config start from its folder, wherever the command is given', async () => {
  const folder = await createProject();
  const elsewhere = join(folder, 'elsewhere');
  await mkdir(elsewhere);
  await symlink(join(folder, 'node_modules'), join(elsewhere, 'node_modules'));
  await succeed(elsewhere, 'data', 'check', '--config', '..');
  await succeed(elsewhere, 'train', '--config', '..', '--set', 'dataset.nnunet.cache=kept', '-o', 'run');
  await succeed(elsewhere, 'data', 'prepare', '--config', '..', '--set', 'dataset.nnunet.cache=kept');
  expect(JSON.parse(await readFile(join(folder, 'kept', 'prepared.json'), 'utf8'))).toMatchObject({});
});
