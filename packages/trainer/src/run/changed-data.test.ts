import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatasetFacts } from '@dinomix/core';
import { expect, it } from 'vitest';
import type { CheckpointState } from '../checkpoint/state.js';
import { changedData } from './changed-data.js';

const directory = await mkdtemp(join(tmpdir(), 'dinomix-changed-'));
const factsOf = (digest: string, images: Readonly<Record<string, string>>) => {
  const cases = Object.fromEntries(Object.entries(images).map(([id, image]) => [id, { image, label: null }]));
  return { fingerprint: { digest, cases } } as unknown as DatasetFacts;
};
const checkpoint = { run: { dataDigest: 'before' } } as CheckpointState;

it('is said with the cases where the record knows them, and without them where it does not', async () => {
  const now = factsOf('now', { a: '1', b: '3', c: '4' });
  expect(await changedData(directory, checkpoint, factsOf('before', {}))).toBeNull();
  expect(await changedData(directory, checkpoint, now)).toMatch(
    /^The images or labels changed since the last checkpoint/,
  );
  await writeFile(join(directory, 'record.json'), JSON.stringify({ dataset: factsOf('before', { a: '1', b: '2' }) }));
  expect(await changedData(directory, checkpoint, now)).toMatch(/^The images or labels of "b", "c" changed since/);
  // A record of other data than the checkpoint knows nothing of it.
  await writeFile(join(directory, 'record.json'), JSON.stringify({ dataset: factsOf('other', { a: '9' }) }));
  expect(await changedData(directory, checkpoint, now)).toMatch(/^The images or labels changed since/);
});
