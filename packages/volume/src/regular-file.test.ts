import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { expectFailure, temporaryFolder } from '../test/fixtures.js';
import { readNifti } from './nifti/read.js';
import { readRegularFile } from './regular-file.js';
import { openSafetensors, readSafetensors } from './safetensors.js';

const temporary = await temporaryFolder();

describe('readRegularFile', () => {
  it('reads a file, and one behind a link', async () => {
    const content = Buffer.from('Größe\n'.repeat(70_000));
    await writeFile(temporary('a'), content);
    await symlink(temporary('a'), temporary('link'));
    expect(await readRegularFile(temporary('a'))).toEqual(content);
    expect(await readRegularFile(temporary('link'), 'utf8')).toBe(content.toString());
    await writeFile(temporary('empty'), '');
    expect(await readRegularFile(temporary('empty'), 'utf8')).toBe('');
  });

  it('leaves the errors of the system as they are', async () => {
    const expected = await readFile(temporary('none')).catch((error: NodeJS.ErrnoException) => error.code);
    expect(expected).toBe('ENOENT');
    await expect(readRegularFile(temporary('none'))).rejects.toMatchObject({ code: expected });
  });

  const others: [string, string, () => unknown][] = [
    ['folder', 'a folder', () => mkdir(temporary('folder'))],
    ['pipe', 'a named pipe', () => execFileSync('mkfifo', [temporary('pipe')])],
    ['zero', 'a device', () => symlink('/dev/zero', temporary('zero'))],
  ];
  it.each(others)('refuses at once: %s', async (name, kind, make) => {
    await make();
    const path = temporary(name);
    await expect(readRegularFile(path)).rejects.toMatchObject({
      code: 'ERR_NOT_REGULAR_FILE',
      message: `${path} is ${kind}, not a regular file`,
    });
    for (const read of [readNifti, readSafetensors, openSafetensors]) {
      await expectFailure(() => read(path), 'DMX_FILE_READ', `${path}: is ${kind}, not a regular file`);
    }
  });
});
