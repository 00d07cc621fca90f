import { existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SYNAPSE_IDS } from '@dinomix/data';
import { writePhantomDataset } from '@dinomix/dataset-phantom';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dinomix, type Ended } from '../support/command.js';
import { createProject, fileOf } from '../support/small-project.js';

interface Entry {
  readonly caseId: string;
  readonly role: string | null;
  readonly state: string;
  readonly file: string | null;
  readonly reason: string | null;
  readonly fix: string | null;
}

const SYNAPSE_CONFIG = `
import { onnxruntime } from '@dinomix/backend-onnxruntime';
import { defineConfig } from '@dinomix/core';
import { synapse } from '@dinomix/dataset-synapse';
import { diceCe } from '@dinomix/loss-dice-ce';
import { vnet } from '@dinomix/student-vnet';

export default defineConfig({
  name: 'published',
  plugins: [
    onnxruntime(),
    synapse({ root: 'synapse', split: 'skcdf', labelled: 0.2, recipe: 'p2', cache: 'cache' }),
    vnet({ filters: 2, levels: 2 }),
    diceCe(),
  ],
  use: { loss: { 'dice-ce': 1 } },
  threads: 1,
  train: { epochs: 1, stepsPerEpoch: 1, validateEvery: 0, patch: [8, 16, 16], batch: { labelled: 1, unlabelled: 0 } },
});
`;

const prepare = (folder: string, ...args: string[]) => dinomix(folder, 'data', 'prepare', '--workers', '1', ...args);

async function recordOf(folder: string): Promise<{ readonly total: number; readonly cases: readonly Entry[] }> {
  return JSON.parse(await readFile(join(folder, 'cache/prepared.json'), 'utf8'));
}

const leftOut = ({ cases }: { readonly cases: readonly Entry[] }) => cases.filter(({ reason }) => reason !== null);

async function preparedIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(join(folder, 'cache'));
  return names.filter((name) => name.endsWith('.safetensors')).map((name) => name.split('.')[0]!);
}

const outcome = ({ code, err }: Ended) => ({ code, err });

describe('a published split of which files are missing', () => {
  let phantoms: string;
  beforeAll(async () => {
    phantoms = await mkdtemp(join(tmpdir(), 'dinomix-left-out-'));
    await writePhantomDataset({ layout: 'synapse', cases: 1, seed: 3, size: [32, 64, 64], out: phantoms });
    const part = join(phantoms, 'RawData/Training');
    // One phantom under all thirty names: what they show does not matter here.
    for (const kind of ['img', 'label']) {
      const first = join(part, kind, `${kind}0001.nii.gz`);
      for (const id of SYNAPSE_IDS.slice(1)) await cp(first, join(part, kind, `${kind}${id}.nii.gz`));
    }
  });
  afterAll(() => rm(phantoms, { recursive: true, force: true }));

  const image = (folder: string, id: string) => join(folder, `synapse/RawData/Training/img/img${id}.nii.gz`);
  const label = (folder: string, id: string) => join(folder, `synapse/RawData/Training/label/label${id}.nii.gz`);

  /** By `skcdf`, 0.2: 0002 is unlabelled, 0021 labelled, 0033 test, 0035 validation. */
  async function damaged(): Promise<string> {
    const folder = await createProject();
    await cp(phantoms, join(folder, 'synapse'), { recursive: true });
    await writeFile(join(folder, 'dinomix.config.ts'), SYNAPSE_CONFIG);
    await rm(image(folder, '0021'));
    await rm(label(folder, '0021'));
    await rm(label(folder, '0033'));
    await rm(image(folder, '0002'));
    return folder;
  }

  it('is refused with every problem', async () => {
    const folder = await damaged();
    const { code, err } = await prepare(folder);
    expect(code).toBe(1);
    expect(err).toContain('the split "skcdf" has 1 labelled cases that are not there: 0021');
    expect(err).toContain('case "0033" is test in the split "skcdf" and has no label file');
    expect(err).toContain(`${label(folder, '0002')} cannot be used`);
    expect(existsSync(join(folder, 'cache'))).toBe(false);
  });

  it('is prepared in part when told to; what was left out is told and recorded by file with reason and cure', async () => {
    const folder = await damaged();
    const { code, out, err } = await prepare(folder, '--keep-going');
    expect({ code, err }).toMatchObject({ code: 1 });
    expect(out).toContain('27 cases prepared');
    expect(out).toContain('3 left out');
    const record = await recordOf(folder);
    expect(record.total).toBe(30);
    expect(leftOut(record).sort((a, b) => (a.caseId < b.caseId ? -1 : 1))).toEqual([
      {
        caseId: '0002',
        role: 'unlabelled',
        state: 'absent',
        file: label(folder, '0002'),
        reason: `is a label without an image in ${join(folder, 'synapse/RawData/Training/img')}`,
        fix: 'fetch its image, or remove the label',
      },
      {
        caseId: '0021',
        role: 'labelled',
        state: 'absent',
        file: join(folder, 'synapse'),
        reason: 'has no image of the case "0021" (labelled)',
        fix: 'fetch the missing files, or draw a split of the cases at hand (option split: "drawn")',
      },
      {
        caseId: '0033',
        role: 'test',
        state: 'absent',
        file: image(folder, '0033'),
        reason: 'case "0033" is test in the split "skcdf" and has no label file',
        fix: 'fetch its label',
      },
    ]);
    for (const { caseId, role, file, reason, fix } of leftOut(record)) {
      expect(err).toContain(`${caseId} (${role}) is left out: ${file}: ${reason}\n  fix  ${fix}\n`);
    }
    const prepared = await preparedIn(folder);
    expect(prepared).toHaveLength(27);
    for (const id of ['0002', '0021', '0033']) expect(prepared).not.toContain(id);
  });

  it('is not trained on; the error names the record and the cure; files that are there again are prepared alone', async () => {
    const folder = await damaged();
    await prepare(folder, '--keep-going');
    const { code, err } = await dinomix(folder, 'train', '-o', 'run');
    expect(code).toBe(1);
    expect(err).toContain('case "0033" is test in the split "skcdf" and has no label file');
    expect(err).toContain('DMX_CASES_LEFT_OUT  "dinomix data prepare" left out 3 cases of this data set');
    expect(err).toContain(join(folder, 'cache/prepared.json'));
    expect(err).toMatch(/^ {2}fix {2}Follow the cure of each case, or take these cases out of the split/m);
    expect(existsSync(join(folder, 'run/checkpoints'))).toBe(false);

    await cp(phantoms, join(folder, 'synapse'), { recursive: true });
    const again = await prepare(folder);
    expect(again).toMatchObject({ code: 0, out: expect.stringMatching(/^3 cases prepared, 27 there already/) });
    expect(leftOut(await recordOf(folder))).toEqual([]);
  });

  it('is refused where nothing of the labelled part is left', async () => {
    const folder = await damaged();
    for (const id of ['0023', '0028', '0032']) await rm(label(folder, id));
    const { code, err } = await prepare(folder, '--keep-going');
    expect(code).toBe(1);
    expect(err).toContain('no case is in the part "labelled"');
    expect(err).toContain('case "0023" is labelled in the split "skcdf" and has no label file');
  });
});

describe('a split of one’s own of which files are missing', () => {
  const cache = ['--set', 'dataset.nnunet.cache=cache'];

  it('goes on without an image, a label and an unknown case when told to', async () => {
    const folder = await createProject();
    const split = { labelled: ['a', 'b'], unlabelled: ['d', 'elsewhere'], validation: ['c'], test: [] };
    await writeFile(join(folder, 'data/split.json'), JSON.stringify(split));
    await rm(fileOf(folder, 'label', 'b'));
    await rm(fileOf(folder, 'image', 'c'));
    const refused = await prepare(folder, ...cache);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('has 4 problems') });
    const went = await prepare(folder, ...cache, '--keep-going');
    expect(went).toMatchObject({ code: 1, out: expect.stringMatching(/^2 cases prepared, .* 3 left out/) });
    const splitFile = join(folder, 'data/split.json');
    const found = leftOut(await recordOf(folder)).map(({ caseId, role, file }) => [caseId, role, file]);
    expect(found).toEqual([
      ['c', 'validation', fileOf(folder, 'label', 'c')],
      ['b', 'labelled', splitFile],
      ['elsewhere', 'unlabelled', splitFile],
    ]);
    expect([...(await preparedIn(folder))].sort()).toEqual(['a', 'd']);

    const trained = await dinomix(folder, 'train', ...cache, '-o', 'run');
    expect(trained.code).toBe(1);
    expect(trained.err).toContain('left out 3 cases of this data set: "c", "b", "elsewhere"');
    // Taken out of the split, and the label that has no image removed.
    await writeFile(splitFile, JSON.stringify({ labelled: ['a'], unlabelled: ['b'], validation: ['d'], test: [] }));
    await rm(fileOf(folder, 'label', 'c'));
    await cp(fileOf(folder, 'label', 'a'), fileOf(folder, 'label', 'd'));
    const documentFile = join(folder, 'data/dataset.json');
    const document = JSON.parse(await readFile(documentFile, 'utf8'));
    await writeFile(documentFile, JSON.stringify({ ...document, numTraining: 3 }));
    expect(outcome(await dinomix(folder, 'train', ...cache, '-o', 'run'))).toMatchObject({ code: 0 });
  });

  it('names a label without image that stands in no part', async () => {
    const folder = await createProject();
    await cp(fileOf(folder, 'label', 'a'), fileOf(folder, 'label', 'lonely'));
    const { code, err } = await prepare(folder, ...cache, '--keep-going');
    expect(code).toBe(1);
    expect(err).toContain('lonely (in no part of the split) is left out');
    expect(leftOut(await recordOf(folder))).toMatchObject([{ caseId: 'lonely', role: null, state: 'absent' }]);
    expect(await preparedIn(folder)).toHaveLength(4);
  });

  it.each([
    [
      'a patient in two parts',
      ['--set', 'dataset.nnunet.patient=^(.)'],
      ['a', 'bb'],
      ['b_2'],
      'patient "b" is in two parts',
    ],
    ['a case in two lists', [], ['a', 'b'], ['b'], '"b" is in "labelled" and in "validation"'],
  ])('%s stays an error', async (_, more, labelled, validation, says) => {
    const folder = await createProject();
    await writeFile(
      join(folder, 'data/split.json'),
      JSON.stringify({ labelled, unlabelled: ['d'], validation, test: [] }),
    );
    await rm(fileOf(folder, 'image', 'c'));
    const { code, err } = await prepare(folder, ...cache, ...more, '--keep-going');
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining(says) });
    expect(existsSync(join(folder, 'cache'))).toBe(false);
  });
});
