import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunEvent, RunInfo } from '@dinomix/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { record, step, wholeRun } from '../test/events.js';
import { attribute, cells, read, textOf } from '../test/page.js';
import { html, writeReport } from './index.js';
import { optionsSchema } from './options.js';
import { createHtmlReporter } from './reporter.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'dinomix-html-'));
});
afterEach(() => rm(directory, { recursive: true }));

const page = (file = 'report.html') => readFile(join(directory, file), 'utf8');

async function report(events: readonly RunEvent[], options = {}): Promise<void> {
  const reporter = createHtmlReporter(optionsSchema.parse(options));
  await reporter.open?.({ directory } as RunInfo);
  for (const event of events) await reporter.event(event);
  await reporter.close?.();
}

const lines = (events: readonly RunEvent[]) => events.map((event) => `${JSON.stringify(event)}\n`).join('');

it('writes the page after every epoch and at the end, and leaves no other files', async () => {
  const events = wholeRun();
  const reporter = createHtmlReporter(optionsSchema.parse({}));
  await reporter.open?.({ directory } as RunInfo);
  await reporter.event(events[0]!);
  expect(await page()).toContain('trial <span class="state running">');
  for (const event of events.slice(1, 5)) await reporter.event(event);
  expect(textOf(read(await page()).all('h2')[0]!)).toBe('Validation results so far (1 case)');
  for (const event of events.slice(5)) await reporter.event(event);
  await reporter.close?.();
  expect(textOf(read(await page()).all('h2')[0]!)).toBe('Test results (2 cases)');
  expect((await readdir(directory)).sort()).toEqual(['report.html', 'slices.jsonl']);
});

it('is made again, byte for byte, from the events without their pictures', async () => {
  const events = wholeRun({ run: { ...record().run, directory } });
  await report(events);
  const first = await page();
  await writeFile(join(directory, 'events.jsonl'), lines(events.filter(({ type }) => type !== 'slice')));
  const written = await writeReport({ runs: [directory], out: join(directory, 'again.html') });
  expect(written.runs).toMatchObject([{ name: 'trial', status: 'completed', events: events.length - 2, notes: [] }]);
  expect(await page('again.html')).toBe(first);
});

it('tells of the present folder of a run that was moved', async () => {
  await writeFile(join(directory, 'events.jsonl'), lines(wholeRun()));
  await writeReport({ runs: [directory] });
  const [command] = read(await page()).all('pre');
  expect(textOf(command!)).toBe(`cd ${directory} && npx dinomix predict image.nii.gz --run .`);
});

it('goes on from the events of before when a run is resumed', async () => {
  const events = wholeRun();
  await writeFile(join(directory, 'events.jsonl'), `${lines(events.slice(0, 5))}{"type":"ste`);
  await report([events[0]!, ...events.slice(5)]);
  const text = textOf(read(await page()).byId('run')!);
  expect(text).toContain('started 2 times');
  expect(await page()).toContain('cut off');
  const table = read(await page());
  expect(cells(table.all('table')[0]!, table)[1]).toEqual(['a', '91 %', '0.700', '4.00']);
});

it('reports a resumed run also where the events of before are damaged', async () => {
  const events = wholeRun();
  await writeFile(join(directory, 'events.jsonl'), `{"type":"ste\n${lines(events.slice(1, 5))}`);
  await report(events);
  const text = await page();
  expect(text).toContain('trial <span class="state completed">');
  expect(text).toContain('What came before the resume is missing');
  expect(text).toContain('is damaged in line 1');
});

it('compares runs: best values, differences of the configs, cautions', async () => {
  const other = join(directory, 'b');
  const one = join(directory, 'a');
  const { mkdir } = await import('node:fs/promises');
  const events = wholeRun();
  const weaker = wholeRun({
    config: { name: 'trial', use: { mixer: ['cutmix'] }, train: { epochs: 2 } },
    teachers: { dinov3: 'teacher: random control weights, not DINOv3' },
  }).map((event) => {
    if (event.type !== 'evaluation' || event.report.role !== 'test') return event;
    const { report } = event;
    return {
      ...event,
      report: {
        ...report,
        perClass: { dice: [null, 0.75, 0.1, 0], hd95: [null, 8, null, 7] },
        mean: { dice: 0.85 / 3, hd95: 7.5 },
      },
    };
  });
  for (const [folder, own] of [[one, events] as const, [other, weaker] as const]) {
    await mkdir(folder);
    await writeFile(join(folder, 'events.jsonl'), lines(own));
  }
  await writeReport({ runs: [one, other], out: join(directory, 'both.html') });
  const both = read(await page('both.html'));
  const tables = both.all('table');
  expect(cells(tables[0]!, both).map((row) => row.slice(0, 8))).toEqual([
    ['run', 'state', 'split', 'mean Dice', 'tail Dice', 'mean HD95 (mm)', 'tail HD95', 'collapsed'],
    ['a', 'completed', 'test', '0.333', '0.000', '6.50', '9.00', '1'],
    ['b', 'completed', 'test', '0.283', '0.000', '7.50', '9.00', '1'],
  ]);
  expect(cells(tables[1]!, both)).toEqual([
    ['Dice ↑', 'a', 'b'],
    ['a', '0.700', '0.750'],
    ['b', '0.300', '0.100'],
    ['c ◆', '0.000', '0.000'],
    ['mean', '0.333', '0.283'],
    ['mean of the tail ◆', '0.000', '0.000'],
  ]);
  expect(both.all('.best', tables[1]).map(textOf)).toEqual(['0.750', '0.300', '0.333']);
  // Lower distances are better.
  expect(both.all('.best', tables[2]).map(textOf)).toEqual(['4.00', '7.00', '6.50']);
  expect(textOf(both.byId('config')!)).toContain('use.mixer["pic"]["cutmix"]');
  const remark = 'b: teacher: random control weights, not DINOv3';
  expect(both.all('.notice', both.all('header')[0]).map(textOf)).toEqual([remark]);
  expect(both.all('.notice', both.byId('results')).map(textOf)).toEqual([remark]);
  expect(both.all('path').filter((one) => attribute(one, 'class') === 'line').length).toBeGreaterThan(3);
});

it('is a plugin that refuses file names outside of the run', () => {
  expect(html().provides).toEqual(['reporter:html']);
  expect(() => optionsSchema.parse({ file: '../report.html' })).toThrow(/plain file name/);
});

it('says so when an event comes too early', async () => {
  const reporter = createHtmlReporter(optionsSchema.parse({}));
  await reporter.event(step(0));
  await expect(reporter.event(wholeRun()[0]!)).rejects.toThrow('before the run folder was opened');
});
