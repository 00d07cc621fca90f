import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readNifti } from '@dinomix/volume';
import { expect, it, onTestFinished } from 'vitest';
import { dinomix } from '../support/command.js';
import { createProject, fileOf, SHAPE } from '../support/small-project.js';

const run = promisify(execFile);

/** Runs a line that was printed, in a shell, as a person would who copies it. */
const shell = (folder: string, line: string) => run('sh', ['-c', line], { cwd: folder, maxBuffer: 2 ** 26 });

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'dinomix-printed-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const HTML: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&#39;': "'", '&quot;': '"' };

/** The inference line of a report. */
async function inferenceLine(run: string): Promise<string> {
  const page = await readFile(join(run, 'report.html'), 'utf8');
  const [, line] = /<pre class="command">([^<]*)<\/pre>/.exec(page)!;
  return line!.replaceAll(/&[#\w]+;/g, (entity) => HTML[entity] ?? entity);
}

const WITH_REPORT = {
  before: "import { html } from '@dinomix/reporter-html';\nimport { jsonl } from '@dinomix/reporter-jsonl';",
  plugins: 'html()',
};

it('the inference line of a report runs anywhere, for a run that was moved too', async () => {
  const folder = await createProject(WITH_REPORT);
  expect((await dinomix(folder, 'train', '-o', "my runs/it's first")).code).toBe(0);
  const line = await inferenceLine(join(folder, "my runs/it's first"));
  const elsewhere = await emptyFolder();
  await copyFile(fileOf(folder, 'image', 'c'), join(folder, 'image.nii.gz'));
  await shell(elsewhere, line);
  expect((await readNifti(join(folder, 'image_labels.nii.gz'))).volume.shape).toEqual(SHAPE);

  const moved = join(folder, 'kept');
  await rename(join(folder, "my runs/it's first"), moved);
  expect((await dinomix(folder, 'report', 'kept')).code).toBe(0);
  await copyFile(fileOf(folder, 'image', 'c'), join(moved, 'image.nii.gz'));
  await shell(elsewhere, await inferenceLine(moved));
  expect((await readNifti(join(moved, 'image_labels.nii.gz'))).volume.shape).toEqual(SHAPE);
});

it('the cure of a table that lacks an evaluation runs where it is printed', async () => {
  const folder = await createProject();
  expect((await dinomix(folder, 'train', '-o', 'run')).code).toBe(0);
  const refused = await dinomix(folder, 'table', 'run', '--split', 'validation');
  expect(refused.code).toBe(2);
  const [, line] = /make it with: (npx .*?)\.?\n/.exec(refused.err)!;
  await shell(folder, line!);
  expect((await dinomix(folder, 'table', 'run', '--split', 'validation')).code).toBe(0);
});

it('the lines of init run: a config for each method trains', async () => {
  const folder = await createProject();
  for (const method of ['mean-teacher', 'dinomix', 'supervised']) {
    await rm(join(folder, 'dinomix.config.ts'), { force: true });
    const { code, out, err } = await dinomix(folder, 'init', '--dataset', 'nnunet', '--method', method);
    expect(code, err).toBe(0);
    const [, train] = /train with\n {2}(.*)/.exec(out)!;
    const small = '--set train.epochs=1 --set train.stepsPerEpoch=1 --set train.patch=[8,16,16]';
    const grid = '--set dataset.nnunet.split=split.json --set dataset.nnunet.grid=keep --set student.vnet.levels=2';
    // FKD takes the feature x4, which only the full network has.
    const kept = method === 'dinomix' ? '--off loss.fkd' : '';
    const ended = await shell(folder, `${train} -o runs/${method} ${small} ${grid} ${kept}`);
    expect(ended.stdout).toContain('Completed');
    if (method === 'dinomix') expect(ended.stderr).toContain('teacher:dinov3 is left out');
  }
});

it('a folder is checked and described without any config', async () => {
  const folder = await createProject();
  await rm(join(folder, 'dinomix.config.ts'));
  const check = await dinomix(folder, 'data', 'check', 'data');
  expect(check.code, check.err).toBe(0);
  expect(check.out).toContain('0 errors');
  const described = await dinomix(folder, 'data', 'fingerprint', 'data', '--json');
  expect(described.code, described.err).toBe(0);
  expect(JSON.parse(described.out).cases).toHaveLength(4);
  await mkdir(join(folder, 'none'));
  const refused = await dinomix(folder, 'data', 'check', 'none');
  expect(refused.code).toBe(2);
  expect(refused.err).toContain('DMX_CLI_DATA_FOLDER');
});

it('dead ends of the command line name the way on', async () => {
  const folder = await createProject();
  const told = async (code: number, ...args: readonly string[]) => {
    const ended = await dinomix(folder, ...args);
    expect({ args, code: ended.code }, ended.err).toEqual({ args, code });
    return ended.err;
  };
  expect(await told(2, 'explain', '--use', 'mixer=cutmix')).toContain('npm install @dinomix/mixer-cutmix');
  const unused = await told(0, 'explain', '--off', 'mixer', '--set', 'mixer.pic.boxes=2');
  expect(unused).toContain('note: --set mixer.pic.boxes=2 changes nothing: mixer:pic is not in use');
  const off = await told(0, 'train', '-o', 'no-mixer', '--off', 'mixer');
  expect(off).toContain(`to keep it: --set loss.consistency.views='["unlabelled"]'`);
  await told(0, 'train', '-o', 'kept', '--off', 'mixer', '--set', 'loss.consistency.views=["unlabelled"]');
  expect(await told(1, 'train', '-o', 'cuda', '--set', 'device=cuda')).toContain('DMX_DEVICE');
  await writeFile(join(folder, 'file'), '');
  expect(await told(2, 'train', '-o', 'file/run')).toContain('DMX_RUN_FOLDER');
  const split = { labelled: ['a', 'b', 'd'], unlabelled: [], validation: ['c'], test: [] };
  await writeFile(join(folder, 'data', 'split.json'), JSON.stringify(split));
  await copyFile(fileOf(folder, 'label', 'a'), fileOf(folder, 'label', 'd'));
  const full = await told(1, 'train', '-o', 'full');
  expect(full).toContain('--set train.batch.unlabelled=0');
  await told(0, 'train', '-o', 'full', '--set', 'train.batch.unlabelled=0');
});
