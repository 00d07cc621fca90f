import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { writePhantomDataset } from '@dinomix/dataset-phantom';
import { expect, it } from 'vitest';
import { dinomix } from '../support/command.js';
import { createProject } from '../support/small-project.js';

const CONFIG = `
import { onnxruntime } from '@dinomix/backend-onnxruntime';
import { defineConfig } from '@dinomix/core';
import { synapse } from '@dinomix/dataset-synapse';
import { diceCe } from '@dinomix/loss-dice-ce';
import { overlap } from '@dinomix/metric-overlap';
import { surface } from '@dinomix/metric-surface';
import { jsonl } from '@dinomix/reporter-jsonl';
import { vnet } from '@dinomix/student-vnet';

export default defineConfig({
  name: 'mine',
  plugins: [
    onnxruntime(),
    synapse({ root: 'synapse', split: 'skcdf', labelled: 0.2 }),
    vnet({ filters: 2, levels: 2 }),
    diceCe(),
    overlap({ empty: 'p1' }),
    surface({ measures: ['asd'], unit: 'voxel', definition: 'medpy', empty: 'p1' }),
    jsonl(),
  ],
  use: { loss: { 'dice-ce': 1 } },
  threads: 1,
  train: { epochs: 1, stepsPerEpoch: 2, validateEvery: 0, patch: [40, 80, 80], batch: { labelled: 1, unlabelled: 0 } },
  inference: { overlap: 0 },
});
`;

/** Takes the mark from phantoms, so that they stand for the files of the benchmark. */
async function unmark(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const file = join(folder, name);
    // nifti1.h: descrip, 80 bytes at 148.
    await writeFile(file, gzipSync(gunzipSync(await readFile(file)).fill(0, 148, 228), { level: 1 }));
  }
}

it('a run that was trained and evaluated stands beside the published rows of its protocol, and of no other', async () => {
  const folder = await createProject();
  await writePhantomDataset({
    layout: 'synapse',
    cases: 30,
    seed: 3,
    size: [32, 64, 64],
    out: join(folder, 'synapse'),
  });
  await writeFile(join(folder, 'dinomix.config.ts'), CONFIG);
  await unmark(join(folder, 'synapse/RawData/Training/img'));
  const trained = await dinomix(folder, 'train', '-o', 'run');
  expect({ code: trained.code, err: trained.err }).toMatchObject({ code: 0 });

  const table = async (beside: string, format: string) =>
    dinomix(folder, 'table', 'run', '--beside', beside, '--format', format);
  const markdown = await table('synapse-20', 'markdown');
  expect({ code: markdown.code, err: markdown.err }).toMatchObject({ code: 0 });
  expect(markdown.out).toMatch(/\bP1\b/i);
  const rows = markdown.out.split('\n').filter((line) => line.startsWith('|'));
  const cells = (line: string) => line.split('|').map((cell) => cell.trim());
  const [head, own] = [cells(rows[0]!), cells(rows.at(-1)!)];
  for (const column of ['Dice', 'ASD', 'Sp', 'LAG'])
    expect(
      head.some((cell) => cell.startsWith(column)),
      column,
    ).toBe(true);
  expect(own[1]).toBe('mine');
  expect(own).toHaveLength(head.length);
  expect(rows.some((line) => cells(line)[1]!.includes('SKCDF'))).toBe(true);

  const csv = (await table('synapse-20', 'csv')).out.trim().split('\n');
  expect(csv.at(-1)).toMatch(/^mine,1,\d+\.\d\d,,\d+\.\d\d,,/);
  const latex = (await table('synapse-20', 'latex')).out;
  expect(latex).toContain('\\begin{tabular}');
  expect(latex).toMatch(/^ *mine & 1 & \d/m);

  for (const other of ['p2-synapse-20', 'synapse-10', 'amos-5']) {
    const refused = await table(other, 'markdown');
    expect({ other, code: refused.code, err: refused.err }).toMatchObject({
      code: 2,
      err: expect.stringContaining('DMX_TABLE_PROTOCOL'),
    });
  }
}, 300_000);
