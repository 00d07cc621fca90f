import { stat, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { expectFailure, temporaryFolder } from '../test/fixtures.js';
import { makeFolder } from './make-folder.js';

const temporary = await temporaryFolder();

it('is there afterwards, with those above it, made or found', async () => {
  await makeFolder(temporary('a/b'));
  await makeFolder(temporary('a/b'));
  expect((await stat(temporary('a/b'))).isDirectory()).toBe(true);
});

it('says what is in the way', async () => {
  await writeFile(temporary('file'), '');
  await expectFailure(() => makeFolder(temporary('file')), 'DMX_FOLDER', temporary('file'), 'is a file');
  await expectFailure(() => makeFolder(temporary('file/run')), 'DMX_FOLDER', 'a part of the path is a file');
  await expectFailure(() => makeFolder(temporary('x'.repeat(300))), 'DMX_FOLDER', 'shorter name');
  // A file system that takes no folders from anybody, root included.
  await expectFailure(() => makeFolder('/proc/dinomix'), 'DMX_FOLDER', '/proc/dinomix', 'choose');
});
