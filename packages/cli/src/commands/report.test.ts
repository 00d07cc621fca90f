import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import { dinomix, projectOf, temporaryFolder } from '../../test/harness.js';

const html = { provides: ['reporter:html'], load: () => import('../../../../plugins/reporter-html/src/index.js') };

let folder: string;
const report = (...args: readonly string[]) =>
  dinomix(['report', ...args], { folder, packages: projectOf(folder, { '@dinomix/reporter-html': html }) });

const event = (content: object): string => `${JSON.stringify({ time: '2026-01-01T00:00:00.000Z', ...content })}\n`;
const warning = event({ type: 'warning', message: 'odd', plugin: null });
const outcome = {
  status: 'stopped',
  reason: 'because',
  position: null,
  error: null,
  seconds: 1,
  peakMb: 2,
  fallbackKernels: {},
};
const end = event({ type: 'run.end', outcome });

function putRun(name: string, events: string): void {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, 'events.jsonl'), events);
}

beforeEach(() => {
  folder = temporaryFolder();
});

it('makes the page of a run from its folder alone', async () => {
  putRun('one', warning + end);
  const { code, out } = await report('one');
  const file = join(folder, 'one', 'report.html');
  expect({ code, out }).toEqual({
    code: 0,
    out: `run: stopped, 2 events\n  note: The run has no record: it ended before it began.\n${file}\n`,
  });
  expect(readFileSync(file, 'utf8')).toContain('<!doctype html>');
});

it('writes where it is told, and says so as JSON', async () => {
  putRun('one', end);
  const { code, out } = await report('one', '--out', 'pages/first.html', '--json').catch(() => ({ code: -1, out: '' }));
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    file: join(folder, 'pages/first.html'),
    runs: [{ status: 'stopped', events: 1 }],
  });
  expect(existsSync(join(folder, 'pages/first.html'))).toBe(true);
});

it('puts several runs side by side', async () => {
  putRun('one', end);
  putRun('two', warning);
  const { code, out } = await report('one', 'two');
  expect(code).toBe(0);
  expect(out).toContain('run: unfinished, 1 event\n');
  expect(readFileSync(join(folder, 'comparison.html'), 'utf8')).toContain('2 runs compared');
});

it('names file and line of damage, and folders without events', async () => {
  putRun('one', `${warning}{"type":"warn\n${warning}${event({ type: 'slice', slice: {} })}`);
  const damaged = await report('one');
  expect(damaged.code).toBe(1);
  expect(damaged.err).toContain(`DMX_REPORT_EVENTS  ${join(folder, 'one', 'events.jsonl')} is damaged in line 2`);
  const none = await report('.');
  expect(none.code).toBe(2);
  expect(none.err).toContain(`DMX_REPORT_RUN  ${folder} holds nothing to report`);
});
