import { readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { expectFailure, temporaryFolder } from '../test/fixtures.js';
import { readSafetensors, writeSafetensors } from './safetensors.js';
import { openSealed, writeSealed } from './sealed-safetensors.js';

const temporary = await temporaryFolder();
const TENSORS = {
  weight: { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) },
  'a "quoted" name': { dtype: 'U8', shape: [3], data: Uint8Array.of(7, 8, 9) },
} as const;
const METADATA = { geometry: '{"sha256":"' };

async function readAll(path: string): Promise<void> {
  const file = await openSealed(path);
  try {
    for (const name of file.entries.keys()) await file.read(name);
  } finally {
    await file.close();
  }
}

it('are read back, by readers that know nothing of digests too', async () => {
  const path = temporary('whole');
  const digest = await writeSealed(path, TENSORS, METADATA);
  const file = await openSealed(path);
  expect(file.digest).toBe(digest);
  expect(file.metadata).toMatchObject(METADATA);
  expect(await file.read('weight')).toEqual(TENSORS.weight);
  await file.close();
  const { metadata, tensor } = await readSafetensors(path);
  expect([...tensor('a "quoted" name').data]).toEqual([7, 8, 9]);
  // `printf '\x00\x00\x80\x3f\x00\x00\x00\x40' | sha256sum`: 1 and 2 as float32.
  expect(JSON.parse(metadata['sha256.tensors']!).weight).toBe(
    'b9c80b5adeca450753a16950c3cc655d271f7bef7a485bc83f112b72fef21d37',
  );
  expect(await writeSealed(path, { ...TENSORS, weight: { ...TENSORS.weight, data: Float32Array.of(1, 3) } })).not.toBe(
    digest,
  );
});

it('are not believed with any one bit of the file changed', async () => {
  const path = temporary('flipped');
  await writeSealed(path, TENSORS, METADATA);
  const bytes = await readFile(path);
  for (let at = 0; at < bytes.length; at++) {
    bytes[at]! ^= 1;
    await writeFile(path, bytes);
    await expect(readAll(path), `byte ${at}`).rejects.toThrow(/DMX_SAFETENSORS_(DIGEST|HEADER|TENSOR) {2}\S*flipped/);
    bytes[at]! ^= 1;
  }
  await writeFile(path, bytes);
  await readAll(path);
});

it('name the tensor whose values are others, and a file without digests', async () => {
  const path = temporary('named');
  await writeSealed(path, TENSORS);
  const bytes = await readFile(path);
  // Wide elements come first: the weight lies before the last three bytes.
  bytes[bytes.length - 4]! ^= 0x40;
  await writeFile(path, bytes);
  await expectFailure(() => readAll(path), 'DMX_SAFETENSORS_DIGEST', path, 'tensor "weight"', 'sha256');
  await writeSafetensors(path, TENSORS);
  await expectFailure(() => openSealed(path), 'DMX_SAFETENSORS_DIGEST', path, 'carries no digest');
});
