import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseJsonDocument, readJsonDocument } from './read-document.js';

async function fileOf(bytes: Uint8Array | string): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'dinomix-json-')), 'dataset.json');
  await writeFile(file, bytes);
  return file;
}

const whyOf = (text: string): string => {
  try {
    parseJsonDocument(text, 'x.json');
  } catch (error) {
    return (error as { why: string }).why;
  }
  return '';
};

describe('what Windows writes is read', () => {
  const text = '{ "labels": { "Müller 肝": 1 } }';
  const content = { labels: { 'Müller 肝': 1 } };

  test.each([
    [
      'UTF-8 with a byte order mark, of Notepad and Excel',
      Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), Buffer.from(text)]),
    ],
    ['UTF-16 with one, of PowerShell 5', Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(text, 'utf16le')])],
    ['UTF-16 without one', Buffer.from(text, 'utf16le')],
    ['UTF-16 of the other byte order', Buffer.concat([Buffer.of(0xff, 0xfe), Buffer.from(text, 'utf16le')]).swap16()],
    ['UTF-8', Buffer.from(text)],
  ])('%s', async (_, bytes) => {
    expect(await readJsonDocument(await fileOf(bytes))).toEqual(content);
  });

  test('but not the code page of Windows', async () => {
    const file = await fileOf(Buffer.from('{ "M\xfcller": 1 }', 'latin1'));
    await expect(readJsonDocument(file)).rejects.toMatchObject({
      code: 'DMX_JSON_DOCUMENT',
      summary: `${file} cannot be read as JSON`,
      why: 'its bytes are no text in UTF-8',
    });
  });
});

describe('a mistake is shown where it is', () => {
  test('line, column and the line', () => {
    expect(whyOf('{\n "a": 1,\n "bar": 2,\n}')).toBe(
      'line 3, column 10: the comma before } is one too many\n  3 |  "bar": 2,\n               ^',
    );
  });

  test.each([
    ['{ "labels": {  # NEW\n } }', 'line 1, column 16: JSON has no remarks'],
    ['[1, // two\n2]', 'line 1, column 5: JSON has no remarks'],
    ['[1 2]', 'line 1, column 4: a comma or ] is missing before "2"'],
    ['{"a" 1}', 'line 1, column 6: a colon is missing before "1"'],
    ["{'a': 1}", 'line 1, column 2: a name in double quotes is due, not "\'"'],
    ['{"a": \'b\'}', 'line 1, column 7: texts stand in double quotes'],
    ['{"a": NaN}', 'line 1, column 7: NaN is no value'],
    ['[01]', 'line 1, column 2: 01 is no value'],
    ['{"a": 1', 'line 1, column 8: a comma or } is missing before the end of the file'],
    ['{"a": "b}\n', 'line 1, column 7: a text begins here and is not closed on its line'],
    ['"C:\\data"', 'line 1, column 4: a \\ in a text is written \\\\'],
    ['{}\n{}', 'line 2, column 1: "{" stands behind the end of the document'],
    ['', 'line 1, column 1: a value is missing before the end of the file'],
    ['{"liver": 1,\n"liver": 2}', 'line 2, column 1: the name "liver" is there twice'],
    ['['.repeat(300), 'line 1, column 202: is nested deeper than 200'],
  ])('%s', (text, expected) => {
    expect(whyOf(text)).toContain(expected);
  });

  test('a long line is cut, and nothing of it steers a terminal', () => {
    const shown = whyOf(`["${'x'.repeat(500)}\u001b[2J"]`);
    expect(shown.length).toBeLessThan(300);
    expect(shown).not.toContain('\u001b');
  });

  test('what JSON.parse takes is taken', () => {
    const values = [0, -1.5e-7, 1e21, true, false, null, '', '\u2028"\\/\b\n\u0000é𝄞', [], {}, [[{ a: [] }]]];
    for (const value of values) {
      for (const text of [JSON.stringify(value), JSON.stringify(value, null, 2), ` \n${JSON.stringify(value)}\r\n`]) {
        expect(parseJsonDocument(text, 'x')).toEqual(value);
      }
    }
  });
});

test('what is no file, not there or too long', async () => {
  const file = await fileOf('[1, 2, 3]');
  await expect(readJsonDocument(join(file, '..'))).rejects.toThrow(/is no regular file/);
  await expect(readJsonDocument(`${file}x`)).rejects.toThrow(/cannot be read: ENOENT/);
  await expect(readJsonDocument(file, 8)).rejects.toThrow(/has 9 bytes, the limit is 8/);
});
