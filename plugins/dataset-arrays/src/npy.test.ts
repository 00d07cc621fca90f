import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { folderOf, imageOf, npyBytes } from '../test/build.js';
import { readNpy, readNpyHeader } from './npy.js';

const fixture = (name: string) => fileURLToPath(new URL(`../test/fixtures/${name}`, import.meta.url));
const expected = JSON.parse(await readFile(fixture('fixtures.json'), 'utf8')) as Record<string, number[]>;

const NAMES: Readonly<Record<string, string>> = { b: 'bool', u: 'uint', i: 'int', f: 'float' };

describe('files that numpy wrote', () => {
  test.each(Object.keys(expected).filter((name) => name !== 'even'))('%s', async (name) => {
    const { data, shape, datatype, fortranOrder } = await readNpy(fixture(`${name}.npy`));
    expect(Array.from(data as Float64Array, Number)).toEqual(expected[name]);
    const code = name.replace(/^.e_/, '');
    expect(datatype).toBe(code === 'bool' ? 'bool' : `${NAMES[code[0]!]}${8 * Number(code.slice(1))}`);
    expect([shape, fortranOrder]).toEqual([[2, 3, 4], false]);
  });

  test('the order of Fortran is told, and elements come as they lie', async () => {
    const { data, fortranOrder, shape } = await readNpy(fixture('fortran.npy'));
    // Element [z, y, x] is 12 z + 4 y + x, and z runs fastest.
    expect([...(data as Int16Array).subarray(0, 4)]).toEqual([0, 12, 4, 16]);
    expect([fortranOrder, shape]).toEqual([true, [2, 3, 4]]);
  });

  test.each([2, 3])('format version %i', async (version) => {
    const { data } = await readNpy(fixture(`version${version}.npy`));
    expect([...(data as Int16Array)]).toEqual(Array.from({ length: 24 }, (_, index) => index));
  });

  test.each([
    ['object', /type '\|O'/],
    ['structured', /type \[\('a', '<i4'\)/],
    ['complex', /type '<c8'/],
    ['four', /shape \[1, 2, 3, 4\]; a volume has three axes/],
  ])('%s arrays are refused', async (name, message) => {
    for (const read of [readNpy, readNpyHeader]) {
      await expect(read(fixture(`${name}.npy`))).rejects.toMatchObject({ code: 'DMX_ARRAYS_FILE' });
      await expect(read(fixture(`${name}.npy`))).rejects.toThrow(message);
    }
  });
});

describe('damaged files', () => {
  const sound = npyBytes(imageOf(0));
  const lying = (shape: readonly number[]) => npyBytes(new Float32Array(2), shape);
  const header = (text: string) => Buffer.concat([sound.subarray(0, 10), Buffer.from(text.padEnd(118))]);
  const long = Buffer.from(sound);
  long.writeUInt8(2, 6);
  long.writeUInt32LE(2 ** 31, 8);

  test.each([
    ['cut off within its elements', sound.subarray(0, 300), /480 bytes; it has 172/],
    ['longer than its header says', Buffer.concat([sound, Buffer.alloc(8)]), /480 bytes; it has 488/],
    ['cut off within its header', sound.subarray(0, 60), /ends within its header/],
    ['empty', Buffer.alloc(0), /does not begin with the magic/],
    ['of another kind', Buffer.from('not an array at all'), /does not begin with the magic/],
    ['a header that announces terabytes', lying([100000, 100000, 100000]), /4000000000000000 bytes; it has 8/],
    ['a size beyond exact numbers', lying([2 ** 40, 2 ** 40, 1]), /bytes; it has 8/],
    ['an axis without voxels', lying([0, 5, 6]), /has the shape \[0, 5, 6\]/],
    ['a header of gigabytes', long, /announces a header of 2147483648 bytes/],
    ['a header without a shape', header("{'descr': '<f4', 'fortran_order': False}"), /has the header/],
    ['a version to come', Buffer.concat([sound.subarray(0, 6), Buffer.from([9]), sound.subarray(7)]), /version 9/],
  ])('%s', async (_, bytes, message) => {
    const root = await folderOf({ 'a.npy': bytes });
    for (const read of [readNpy, readNpyHeader]) {
      await expect(read(`${root}/a.npy`)).rejects.toMatchObject({
        code: 'DMX_ARRAYS_FILE',
        why: expect.stringMatching(message),
      });
    }
  });

  test('a file that is not there', async () => {
    await expect(readNpy('/nowhere/a.npy')).rejects.toThrow(/\/nowhere\/a.npy cannot be used[\s\S]*ENOENT/);
  });
});
