import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { findInputs } from './inputs.js';

const folder = mkdtempSync(join(tmpdir(), 'dinomix-inputs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// PS3.10 7.1 and PS3.5 7.1: a preamble, the group length of the file, SOPClassUID or ImageType in each encoding.
const STARTS: readonly (readonly [string, Buffer])[] = [
  ['preamble', Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')])],
  ['file meta information', Buffer.from('\x02\0\0\0UL\x04\0', 'latin1')],
  ['explicit', Buffer.from('\x08\0\x08\0CS\x10\0', 'latin1')],
  ['implicit', Buffer.from('\x08\0\x16\0\x1a\0\0\0', 'latin1')],
  ['big endian', Buffer.from('\0\x08\0\x16UI\0\x1a', 'latin1')],
];

it.each(STARTS)('a folder of DICOM files: %s', (name, start) => {
  const series = join(folder, name);
  mkdirSync(series);
  writeFileSync(join(series, 'IM1'), Buffer.concat([start, Buffer.alloc(200)]));
  expect(findInputs(series)).toEqual([{ path: series, kind: 'dicom' }]);
});

it.each(['text that is long enough to be a header of some kind', '\x08\0\x16\0\xff\xff\xff\xff', '\x08', ''])(
  'no DICOM: %j',
  (text) => {
    const other = mkdtempSync(join(folder, 'other-'));
    writeFileSync(join(other, 'IM1'), text, 'latin1');
    expect(() => findInputs(other)).toThrow('It holds no NIfTI');
  },
);

it('a named pipe is no input, and nobody waits for it', () => {
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  expect(() => findInputs(pipe)).toThrow('not that of a NIfTI');
});
