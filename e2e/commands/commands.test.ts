import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readNifti } from '@dinomix/volume';
import { expect, it } from 'vitest';
import { dinomix } from '../support/command.js';
import { createProject, fileOf, SHAPE } from '../support/small-project.js';

it('every command speaks JSON, one object a line, and ends with 0', async () => {
  const folder = await createProject();
  /** Runs a command; its output must be JSON throughout, and nothing else on either stream. */
  const json = async (...args: readonly string[]) => {
    const { code, out, err } = await dinomix(folder, ...args, '--json');
    expect({ args, code, err }).toEqual({ args, code: 0, err: '' });
    return out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
      .at(-1);
  };
  expect(await json('doctor')).toMatchObject({});
  expect(await json('plugins')).toMatchObject({});
  expect((await json('explain')).slots).toContainEqual(expect.objectContaining({ slot: 'mixer', id: 'pic' }));
  expect(await json('data', 'check')).toMatchObject({ errors: 0 });
  const phantom = ['data', 'phantom', '--cases', '1', '--size', '48,64,64', '--out', 'scans'];
  expect((await json(...phantom)).files.length).toBeGreaterThan(1);
  expect(await json('train', '-o', 'run')).toMatchObject({ outcome: { status: 'completed' } });
  expect(await json('resume', 'run')).toMatchObject({ outcome: { status: 'completed' } });
  expect((await json('eval', 'run', '--split', 'validation')).report.perClass.dice).toHaveLength(3);
  expect(await json('report', 'run')).toMatchObject({ file: join(folder, 'run/report.html') });
  expect(await json('export', 'run')).toMatchObject({ file: join(folder, 'run/network.onnx') });
  const predicted = await json('predict', fileOf(folder, 'image', 'c'), '--run', 'run', '--out', 'c.nii.gz');
  expect(predicted.predictions).toHaveLength(1);
  const { volume, labelNames } = await readNifti(join(folder, 'c.nii.gz'));
  expect(volume.shape).toEqual(SHAPE);
  expect([...labelNames!.values()]).toEqual(['background', 'ball', 'bar']);
  await mkdir(join(folder, 'empty'));
  const init = await dinomix(join(folder, 'empty'), 'init', '--json');
  expect(JSON.parse(init.out)).toMatchObject({ file: join(folder, 'empty/dinomix.config.ts') });
  expect(await readdir(join(folder, 'empty'))).toEqual(['dinomix.config.ts']);
});

it('failures are JSON too, with their exit code', async () => {
  const folder = await createProject();
  for (const [code, args] of [
    [2, ['train', '--set', 'train.epoch=3']],
    [2, ['resume', 'nowhere']],
    [2, ['eval', 'nowhere']],
    [2, ['report', 'nowhere']],
    [2, ['predict', 'nowhere.nii.gz']],
    [2, ['explain', '-c', 'nowhere.ts']],
    [1, ['predict', 'data/imagesTr/a_0000.nii.gz', '--network', 'data/dataset.json', '--out', 'a.nii.gz']],
  ] as const) {
    const ended = await dinomix(folder, ...args, '--json');
    expect({ args, code: ended.code, err: ended.err }).toEqual({ args, code, err: '' });
    const { error } = JSON.parse(ended.out);
    expect(error.code).toMatch(/^DMX_/);
    expect(error.fix.length, args[0]).toBeGreaterThan(5);
  }
});

it('wrong use of the command line ends with 2 and points to the help', async () => {
  const folder = await createProject();
  for (const args of [['trian'], ['train', '--epochs', '3'], ['data', 'phantom']]) {
    const { code, err } = await dinomix(folder, ...args);
    expect({ args, code }).toEqual({ args, code: 2 });
    expect(err).toMatch(/--help|Did you mean/);
  }
});
