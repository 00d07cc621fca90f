import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { folderOf, imageOf, writeH5 } from '../test/build.js';
import { readH5, readH5Header } from './h5.js';

const fixture = (name: string) => fileURLToPath(new URL(`../test/fixtures/${name}`, import.meta.url));
const expected = JSON.parse(await readFile(fixture('fixtures.json'), 'utf8')) as Record<string, number[]>;

const NAMES: Readonly<Record<string, string>> = { b: 'bool', u: 'uint', i: 'int', f: 'float' };

describe('files that h5py wrote', () => {
  const codes = Object.keys(expected).filter((name) => name !== 'even' && !name.endsWith('f2'));
  test.each(codes)('%s', async (name) => {
    const { data, shape, datatype } = await readH5(fixture('types.h5'), name);
    expect(Array.from(data as Float64Array, Number)).toEqual(expected[name]);
    const code = name.replace(/^.e_/, '');
    expect(datatype).toBe(code === 'bool' ? 'bool' : `${NAMES[code[0]!]}${8 * Number(code.slice(1))}`);
    expect(shape).toEqual([2, 3, 4]);
  });

  test('an array in a group', async () => {
    expect((await readH5(fixture('types.h5'), 'group/inner')).shape).toEqual([2, 3, 4]);
  });

  test.each(['gzip', 'all'])('compressed: %s', async (name) => {
    const { data } = await readH5(fixture('filters.h5'), name);
    expect([...(data as Int16Array)].filter((_, index) => index % 512 === 0)).toEqual(expected.even);
  });

  test.each([
    ['filters.h5', 'lzf', /compressed with the filter lzf \(32000\)/],
    ['types.h5', 'le_f2', /elements of the type float16/],
    ['types.h5', 'complex', /elements of the type HDF5 class 6/],
    ['types.h5', 'text', /elements of the type HDF5 class 3/],
    ['types.h5', 'four', /shape \[1, 2, 3, 4\]/],
    ['types.h5', 'scalar', /shape \[\]/],
    ['types.h5', 'empty', /shape \[\]/],
    ['types.h5', 'huge', /announces \[30000, 30000, 30000\] elements, 108000000000000 bytes; the file has \d+/],
    ['types.h5', 'virtual', /put together from other files/],
    ['types.h5', 'external', /is a link to filters\.h5/],
    ['types.h5', 'soft', /is a link to \/u1/],
    ['types.h5', 'group', /has no array "group"; it has .*"group"/],
    ['filters.h5', 'image', /has no array "image"; it has "all", "gzip", "lzf", "none"/],
  ])('%s %s is refused', async (file, name, message) => {
    for (const read of [readH5, readH5Header]) {
      await expect(read(fixture(file), name)).rejects.toMatchObject({
        code: 'DMX_ARRAYS_FILE',
        why: expect.stringMatching(message),
      });
    }
  });
});

test('elements that lie in another file are not fetched from there', async () => {
  await expect(readH5(fixture('external.h5'), 'storage')).rejects.toMatchObject({
    code: 'DMX_ARRAYS_FILE',
    why: expect.stringMatching(/cannot be read: .*external raw data file/),
  });
});

test('damaged files are one clear error, and nothing goes to stderr', async () => {
  const stderr = vi.spyOn(process.stderr, 'write');
  const logged = vi.spyOn(console, 'error');
  const sound = await readFile(fixture('filters.h5'));
  const root = await folderOf({ 'cut.h5': sound.subarray(0, 900), 'text.h5': 'no hdf5'.repeat(200) });
  await expect(readH5(join(root, 'cut.h5'), 'none')).rejects.toThrow(/truncated file/);
  await expect(readH5(join(root, 'text.h5'), 'none')).rejects.toThrow(/file signature not found/);
  await expect(readH5(join(root, 'absent.h5'), 'none')).rejects.toThrow(/ENOENT/);
  // A byte within the compressed elements: deflate notices.
  const broken = Buffer.from(sound);
  const at = broken.indexOf(Buffer.from([0x78, 0x5e]));
  broken.fill(0xff, at + 40, at + 60);
  await writeFile(join(root, 'broken.h5'), broken);
  const all = await Promise.allSettled(['gzip', 'all'].map((name) => readH5(join(root, 'broken.h5'), name)));
  expect(all.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  // What was damaged is read anew when it was mended.
  await writeFile(join(root, 'broken.h5'), sound);
  expect((await readH5(join(root, 'broken.h5'), 'gzip')).shape).toEqual([2, 3, 2048]);
  expect([stderr.mock.calls.length, logged.mock.calls.length]).toEqual([0, 0]);
});

test('names that are not ASCII', async () => {
  const file = join(await folderOf({}), 'größe 1', '0001.h5');
  await writeH5(file, { image: imageOf(3) });
  expect((await readH5(file, 'image')).data).toEqual(imageOf(3));
});
