import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EvaluationReport, Json, MetricColumn } from '@dinomix/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dinomix } from '../../test/harness.js';
import { formatResults } from './formats.js';
import { PUBLISHED } from './published.js';
import { collapsedCount, resultsTable } from './results-table.js';

const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('the published rows', () => {
  it.each(Object.entries(PUBLISHED))(
    '%s: the mean of the class columns is the stated average within 0.06',
    (_, table) => {
      for (const { method, dice, classes } of table.rows) {
        if (method === 'DINO-Mix') continue;
        expect(classes, method).toHaveLength(table.classes.length);
        expect(Math.abs(average(classes) - dice), method).toBeLessThan(0.06);
      }
    },
  );

  it('are all there', () => {
    const counts = Object.entries(PUBLISHED).map(([id, { rows }]) => `${id} ${rows.length}`);
    expect(counts).toEqual([
      'synapse-20 16',
      'synapse-10 14',
      'synapse-40 14',
      'amos-5 14',
      'amos-2 12',
      'amos-10 12',
      'p2-synapse-20 15',
      'p2-synapse-10 14',
      'p2-amos-5 5',
      'p2-amos-2 5',
    ]);
    const skcdf = PUBLISHED['synapse-20']!.rows.find(({ method }) => method === 'SKCDF');
    expect(skcdf).toMatchObject({ dice: 64.27, diceStd: 1.36, asd: 1.45, asdStd: 0.09 });
  });

  it('count as collapsed what a class scores that is never predicted', () => {
    const row = (id: string, method: string) => PUBLISHED[id]!.rows.find((one) => one.method === method)!;
    // Zeros; by P1 Ga 0.1 and P/U 0.2; by P2 Ga 6.7 and P/U 19.2.
    expect(collapsedCount(row('synapse-20', 'UA-MT'), PUBLISHED['synapse-20']!)).toBe(6);
    expect(collapsedCount(row('amos-10', 'UA-MT'), PUBLISHED['amos-10']!)).toBe(4);
    expect(collapsedCount(row('p2-amos-5', 'DeSCO'), PUBLISHED['p2-amos-5']!)).toBe(5);
  });
});

const COLUMNS: readonly MetricColumn[] = [
  { name: 'dice', title: 'Dice', unit: 'ratio', better: 'higher', empty: 'p1' },
  { name: 'asd', title: 'ASD', unit: 'voxel', better: 'lower', definition: 'medpy', empty: 'p1' },
];
const NAMES = ['background', ...PUBLISHED['synapse-20']!.classes];
const TITLE = 'Synapse (split skcdf, labelled 0.2, recipe p1)';

/** A run in which each class has the Dice `dice`, but for the last, which has none. */
function report(dice: number, columns = COLUMNS): EvaluationReport {
  const perClass = [null, ...NAMES.slice(2).map(() => dice), 0];
  return {
    role: 'test',
    columns,
    cases: [],
    perClass: { dice: perClass, asd: perClass.map((value) => value && 2) },
    mean: { dice: (12 * dice) / 13, asd: 2 },
    tail: { dice, asd: 2 },
    collapsed: [13],
    classes: NAMES.map((name, index) => ({ index, name, tail: [4, 5].includes(index) })),
    weights: 'ema',
    checkpoint: 'best',
  };
}
const run = (dice: number, columns = COLUMNS, dataset = TITLE) => {
  return {
    directory: `runs/${dice}`,
    method: 'ours',
    seed: 10 * dice,
    dataset,
    settings: { train: { epochs: 3 } } as Json,
    data: 'd1',
    evaluated: { t0: 'l1' } as Readonly<Record<string, string>>,
    changed: [] as readonly string[],
    grid: 'g1',
    teachers: [] as string[],
    status: 'completed' as string | null,
    report: report(dice, columns),
  };
};

describe('a table of runs', () => {
  const table = resultsTable([run(0.5), run(0.7), run(0.9)], PUBLISHED['synapse-20']);

  it('has a row for each method below the published ones, with units and rules in the head', () => {
    expect(table.head.slice(0, 5)).toEqual([
      'Method',
      'Runs',
      'Dice [%] (empty p1)',
      'ASD [voxel] (medpy, empty p1)',
      'Sp',
    ]);
    expect(table.rows).toHaveLength(17);
    // numpy.std([0.5, 0.7, 0.9]) * 12 / 13 * 100 = 15.07; the tail is Ga, Es, PSV, RAG of 70 and LAG of 0.
    const own = table.rows.at(-1)!;
    expect(own).toEqual([
      'ours',
      '3',
      '64.62±15.07',
      '2.00±0.00',
      ...Array<string>(12).fill('70.0'),
      '0.0',
      '56.0',
      '1',
    ]);
    expect(table.rows[14]!.slice(0, 4)).toEqual(['SKCDF', '-', '64.27±1.36', '1.45±0.09']);
    expect(table.rows[0]!.slice(0, 4)).toEqual(['V-Net (fully)', '-', '62.09±1.2', '10.28±3.9']);
    expect(table.rows[15]!.slice(0, 5)).toEqual(['DINO-Mix', '-', '66.45', '-', '-']);
    expect(table.notes.join('\n')).toContain('Protocol P1');
  });

  it('is written as Markdown, CSV and LaTeX', () => {
    const small = { title: 'A & B', notes: ['50 %'], head: ['Method', 'Dice'], rows: [['a,b|c', '1.0±0.1']] };
    expect(formatResults(small, 'markdown')).toBe(
      '**A & B**\n\n| Method | Dice |\n| :-- | --: |\n| a,b\\|c | 1.0±0.1 |\n\n- 50 %',
    );
    const csv = {
      ...small,
      head: ['Method', 'Dice', 'ASD'],
      rows: [...small.rows, ['b', '2.0']].map((row) => [...row, '-']),
    };
    expect(formatResults(csv, 'csv')).toBe('# A & B\n# 50 %\nMethod,Dice,Dice std,ASD\n"a,b|c",1.0,0.1,\nb,2.0,,');
    const latex = formatResults(small, 'latex');
    expect(latex).toContain('\\caption{A \\& B. 50 \\%.}');
    expect(latex).toContain('a,b|c & 1.0$\\pm$0.1 \\\\');
  });

  const other = (change: Partial<MetricColumn>) => COLUMNS.map((column) => ({ ...column, ...change }));
  it.each([
    ['another rule for empty classes', [run(0.5), run(0.6, other({ empty: 'corrected' }))], undefined],
    ['another unit', [run(0.5), run(0.6, [COLUMNS[0]!, { ...COLUMNS[1]!, unit: 'mm' }])], undefined],
    ['other data', [run(0.5), run(0.6, COLUMNS, 'Phantom')], undefined],
    ['corrected beside P1', [run(0.5, other({ empty: 'corrected' }))], 'synapse-20'],
    ['another share of labels', [run(0.5)], 'synapse-10'],
    ['P1 beside P2', [run(0.5)], 'p2-synapse-20'],
    ["a split of one's own beside", [run(0.5, COLUMNS, TITLE.replace('skcdf', 'drawn'))], 'synapse-20'],
    ["lists of one's own beside", [run(0.5, COLUMNS, TITLE.replace('skcdf', 'mine/dhc.json'))], 'synapse-20'],
    ['one run twice', [run(0.5), run(0.6), run(0.5)], undefined],
    ['one seed twice', [run(0.5), { ...run(0.6), seed: 5 }], undefined],
    ['other data beside', [run(0.5, COLUMNS, 'Phantom')], 'synapse-20'],
    ['data of the same title', [run(0.5), { ...run(0.6), data: 'd2', method: 'theirs' }], undefined],
    ['labels that were corrected in between', [run(0.5), { ...run(0.6), evaluated: { t0: 'l2' } }], undefined],
    ['labels compared on another grid', [run(0.5), { ...run(0.6), grid: 'g2', method: 'theirs' }], undefined],
    ['two methods of one name', [run(0.5), { ...run(0.6), settings: { train: { epochs: 4 } } }], undefined],
    ['a run that was interrupted among others', [run(0.5), { ...run(0.6), status: 'interrupted' }], undefined],
    [
      'the latest checkpoint among the best',
      [run(0.5), { ...run(0.6), report: { ...report(0.6), checkpoint: 'latest' as const } }],
      undefined,
    ],
    [
      'a phantom beside published rows',
      [
        run(
          0.5,
          COLUMNS,
          'Synapse (split skcdf, labelled 0.2, recipe p1, synthetic phantoms: not the published benchmark)',
        ),
      ],
      'synapse-20',
    ],
  ] as const)('is refused: %s', (_, runs, beside) => {
    const make = () => resultsTable([...runs], beside === undefined ? undefined : PUBLISHED[beside]);
    expect(make).toThrow(expect.objectContaining({ code: 'DMX_TABLE_PROTOCOL' }));
  });
});

it.each([
  ['Synapse (split genericssl, labelled 0.2, recipe p1)', 'synapse-20', 'p1'],
  ['Synapse (npy files, split lists, labelled 0.2, recipe p1, axes zyx)', 'synapse-20', 'p1'],
  ['Synapse (h5 files, split dhc-2023, labelled 0.2, recipe p2, axes xyz)', 'p2-synapse-20', 'p2'],
  ['AMOS22 (split dhc, labelled 0.05, recipe p1)', 'amos-5', 'p1'],
])('%s stands beside %s', (dataset, beside, empty) => {
  const columns = COLUMNS.map((column) => ({ ...column, empty }));
  expect(resultsTable([run(0.5, columns, dataset)], PUBLISHED[beside]).rows.at(-1)![0]).toBe('ours');
});

it('names what two methods of one name differ in', () => {
  const make = () => resultsTable([run(0.5), { ...run(0.6), settings: { train: { epochs: 4 } } }], undefined);
  expect(make).toThrow(/differ in more than their seed: train\.epochs/);
});

it('says of a control teacher that it is one, in every format', () => {
  const note = 'teacher: random control weights, not DINOv3';
  const table = resultsTable(
    [
      { ...run(0.5), teachers: [note] },
      { ...run(0.6), teachers: [note] },
    ],
    undefined,
  );
  for (const format of ['markdown', 'csv', 'latex'] as const) {
    expect(formatResults(table, format).split(`ours: ${note}.`), format).toHaveLength(2);
  }
});

it('says of a single run that it did not come to its end', () => {
  expect(resultsTable([{ ...run(0.5), status: null }], undefined).notes).toContain(
    'ours: not trained to its end (no outcome).',
  );
});

const FILES = { t0: { image: 'i', label: 'l' } };

describe('dinomix table', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dinomix-table-'));
    for (const [name, dice] of [
      ['a-seed0', 0.5],
      ['a-seed1', 0.7],
    ] as const) {
      const record = {
        run: { seed: 10 * dice },
        // Place and machine change no number.
        config: {
          name: 'a',
          seed: 10 * dice,
          runs: `runs${dice}`,
          train: { epochs: 3, workers: 10 * dice },
          plugins: [
            { id: 'dataset:synapse', active: true, options: { root: `data${dice}` } },
            { id: 'mixer:pic', active: false, options: { boxes: dice } },
          ],
        },
        packages: {},
        teachers: {},
        dataset: { title: TITLE, classes: [], splits: {}, fingerprint: { cases: FILES } },
        images: { preprocessing: { orientation: 'keep', grid: { kind: 'keep' } } },
        outcome: { status: 'completed' },
      };
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, 'record.json'), JSON.stringify(record));
      await writeFile(
        join(folder, name, 'evaluation-test.json'),
        JSON.stringify({ ...report(dice), data: { digest: 'd', cases: FILES } }),
      );
    }
    await mkdir(join(folder, 'bare'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const table = (...args: string[]) => dinomix(['table', ...args], { folder });

  it('writes seeds of one config as one row', async () => {
    const { code, out } = await table('a-seed0', 'a-seed1', '--beside', 'synapse-20', '--format', 'csv');
    expect(code).toBe(0);
    expect(out.trim().split('\n').at(-1)).toMatch(/^a,2,55\.38,9\.23,2\.00,0\.00,60\.0,/);
  });

  it('refuses evaluations of other labels, and says where labels changed since the training', async () => {
    const file = join(folder, 'a-seed1', 'evaluation-test.json');
    const text = await readFile(file, 'utf8');
    const cases = { t0: { image: 'i', label: 'corrected' } };
    await writeFile(file, JSON.stringify({ ...JSON.parse(text), data: { digest: 'd', cases } }));
    expect(await table('a-seed0', 'a-seed1')).toMatchObject({
      code: 2,
      err: expect.stringContaining('were evaluated on other images or labels of t0'),
    });
    const alone = await table('a-seed1');
    expect(alone.out).toContain('a, seed 7: evaluated on files of t0 that changed since the training began.');
    const { data: _, ...old } = JSON.parse(text);
    await writeFile(file, JSON.stringify(old));
    expect(await table('a-seed1')).toMatchObject({ code: 2, err: expect.stringContaining('of another version') });
    await writeFile(file, text);
  });

  it('refuses what an older record does not tell', async () => {
    const file = join(folder, 'a-seed1', 'record.json');
    const text = await readFile(file, 'utf8');
    const { images: _, ...old } = JSON.parse(text);
    await writeFile(file, JSON.stringify(old));
    expect(await table('a-seed0', 'a-seed1')).toMatchObject({
      code: 2,
      err: expect.stringContaining('does not tell what a table must know'),
    });
    await writeFile(file, text);
  });

  it('shows a published table alone', async () => {
    const { out } = await table('--beside', 'amos-5');
    expect(out).toContain('| DHC | - | 49.53 | 13.89 |');
  });

  it('says what is missing', async () => {
    expect(await table('bare')).toMatchObject({
      code: 2,
      err: expect.stringContaining(`npx dinomix eval ${join(folder, 'bare')} --split test`),
    });
    expect(await table('a-seed0', '--beside', 'synapse')).toMatchObject({
      code: 2,
      err: expect.stringContaining('synapse-20'),
    });
    expect(await table()).toMatchObject({ code: 2, err: expect.stringContaining('--beside') });
    expect(await table('a-seed0', '--beside', 'p2-synapse-20')).toMatchObject({
      code: 2,
      err: expect.stringContaining('recipe p2'),
    });
  });
});
