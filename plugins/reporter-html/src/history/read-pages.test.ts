import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { wholeRun } from '../../test/events.js';
import { attribute, read, textOf } from '../../test/page.js';
import { writeReport } from '../report.js';

let run: string;
beforeEach(async () => {
  run = await mkdtemp(join(tmpdir(), 'dinomix-pages-'));
  await writeFile(
    join(run, 'events.jsonl'),
    wholeRun()
      .map((event) => `${JSON.stringify(event)}\n`)
      .join(''),
  );
});
afterEach(() => rm(run, { recursive: true }));

const PNG = Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), Buffer.from('rest')]);

async function leave(name: string, description: unknown): Promise<void> {
  const folder = join(run, 'pages', name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'tokens.html'), '<!doctype html>');
  await writeFile(join(folder, 'picture.png'), PNG);
  await writeFile(join(folder, 'text.png'), 'no picture');
  const text = typeof description === 'string' ? description : JSON.stringify(description);
  await writeFile(join(folder, 'page.json'), text);
}

async function reported(out?: string) {
  const { file } = await writeReport({ runs: [run], ...(out === undefined ? {} : { out }) });
  const page = read(await readFile(file, 'utf8'));
  const place = page.byId('pages');
  const find = (selector: string) => (place === undefined ? [] : page.all(selector, place));
  return {
    titles: find('figcaption').map(textOf),
    links: find('figcaption').flatMap((one) => page.all('a', one).map((link) => attribute(link, 'href'))),
    pictures: find('img').map((one) => attribute(one, 'src')),
  };
}

it('lists the pages in the run with their pictures', async () => {
  expect((await reported()).titles).toEqual([]);
  await leave('a b', {
    title: 'Tokens of <x>',
    note: 'n',
    file: 'tokens.html',
    pictures: ['picture.png', 'text.png', 'picture.png'],
  });
  await leave('c', { title: 'Second', note: '', file: 'tokens.html', pictures: [] });
  await leave('d', { title: 'Third', note: '', file: 'tokens.html', pictures: ['text.png', 'none.png'] });
  expect(await reported()).toEqual({
    titles: ['Tokens of <x>', 'Second', 'Third'],
    links: ['pages/a%20b/tokens.html', 'pages/c/tokens.html', 'pages/d/tokens.html'],
    pictures: Array(2).fill(`data:image/png;base64,${PNG.toString('base64')}`),
  });
  expect((await reported(join(run, 'other', 'report.html'))).links[1]).toBe('../pages/c/tokens.html');
});

it('leaves out what is damaged, missing, or elsewhere', async () => {
  const good = { title: 't', note: '', file: 'tokens.html', pictures: [] };
  await leave('broken', '{');
  await leave('untitled', { ...good, title: '' });
  await leave('missing', { ...good, file: 'other.html' });
  await leave('outside', { ...good, file: '../../report.html' });
  await leave('picture', { ...good, pictures: ['/etc/passwd'] });
  expect((await reported()).titles).toEqual([]);
});
