import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { expectClose, expectFailure, fixturePath, temporaryFolder } from '../test/fixtures.js';
import { fromFloat16 } from './float16.js';
import {
  encodeSafetensors,
  openSafetensors,
  readSafetensors,
  type Tensor,
  viewSafetensors,
  writeSafetensors,
} from './safetensors.js';

const temporary = await temporaryFolder();
const reference = fixturePath('reference.safetensors');

describe('a file of the Python package', () => {
  it('is read whole', async () => {
    const { metadata, entries, tensor } = await readSafetensors(reference);
    expect(metadata).toEqual({ format: 'np', note: 'größer' });
    expect([...entries.keys()].sort()).toEqual(['count', 'empty', 'half', 'mask', 'steps', 'weight']);
    const weight = tensor('weight');
    expect(weight).toMatchObject({ dtype: 'F32', shape: [2, 3] });
    expectClose(weight.data as Float32Array, [0, 1 / 7, 2 / 7, 3 / 7, 4 / 7, 5 / 7], 6e-8);
    const half = tensor('half');
    expect(half.dtype).toBe('F16');
    expectClose(fromFloat16(half.data as Uint16Array), [1.5, -0.1, 65504], 3e-5);
    expect(tensor('steps')).toEqual({ dtype: 'I32', shape: [2], data: Int32Array.of(-5, 2 ** 31 - 1) });
    expect(tensor('mask')).toEqual({ dtype: 'U8', shape: [3, 1], data: Uint8Array.of(1, 0, 255) });
    expect(tensor('count')).toEqual({ dtype: 'I64', shape: [], data: BigInt64Array.of(2n ** 53n + 1n) });
    expect(tensor('empty')).toEqual({ dtype: 'F32', shape: [0, 4], data: new Float32Array(0) });
  });

  it('is read one tensor at a time', async () => {
    const file = await openSafetensors(reference);
    try {
      expect(await file.read('steps')).toEqual({ dtype: 'I32', shape: [2], data: Int32Array.of(-5, 2 ** 31 - 1) });
      expect(file.entries.get('mask')).toMatchObject({ dtype: 'U8', shape: [3, 1] });
      await expectFailure(() => file.read('wieght'), 'DMX_SAFETENSORS_TENSOR', reference, '"wieght"', 'weight');
    } finally {
      await file.close();
    }
  });

  it('has the layout and data that this package writes for its content', async () => {
    const { tensor, entries, metadata } = await readSafetensors(reference);
    const again = encodeSafetensors(new Map([...entries.keys()].map((name) => [name, tensor(name)])), metadata);
    const original = await readFile(reference);
    const read = viewSafetensors(again);
    for (const name of entries.keys()) expect(read.tensor(name)).toEqual(tensor(name));
    expect(read.entries).toEqual(entries);
    expect(again.subarray(read.dataStart)).toEqual(new Uint8Array(original.subarray(-(again.length - read.dataStart))));
  });
});

const tensors: Record<string, Tensor> = {
  b: { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
  a: { dtype: 'F32', shape: [1, 2], data: Float32Array.of(1.5, -2) },
};

describe('writing', () => {
  it('gives the same bytes in whatever order, with aligned data', async () => {
    const path = temporary('w.safetensors');
    await writeSafetensors(path, tensors, { step: '7' });
    const bytes = await readFile(path);
    const reversed = new Map(Object.entries(tensors).reverse());
    expect(bytes).toEqual(Buffer.from(encodeSafetensors(reversed, { step: '7' })));
    const view = await readSafetensors(path);
    expect(view.dataStart % 8).toBe(0);
    expect(view.metadata).toEqual({ step: '7' });
    expect(view.tensor('a')).toEqual(tensors.a);
    expect(view.tensor('b')).toEqual(tensors.b);
  });

  it('refuses what a reader could not take', async () => {
    const code = 'DMX_SAFETENSORS_TENSOR';
    const { a } = tensors as { a: Tensor };
    await expectFailure(() => encodeSafetensors({ '': a }), code, '""');
    await expectFailure(() => encodeSafetensors({ __metadata__: a }), code, '__metadata__');
    await expectFailure(() => encodeSafetensors({ a: { ...a, shape: [3] } }), code, '[3]', '2 elements');
    const mistyped = { ...a, dtype: 'I32' } as unknown as Tensor;
    await expectFailure(() => encodeSafetensors({ a: mistyped }), code, 'I32', 'Float32Array');
  });

  it('views share the memory where it is aligned and copy where it is not', () => {
    const bytes = encodeSafetensors(tensors);
    const aligned = viewSafetensors(bytes).tensor('a');
    expect(aligned.data.buffer).toBe(bytes.buffer);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(viewSafetensors(shifted.subarray(1)).tensor('a')).toEqual(tensors.a);
  });
});

describe('damaged files', () => {
  const file = (header: string, data: number, claimed = Buffer.byteLength(header)) => {
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(claimed));
    return new Uint8Array(Buffer.concat([prefix, Buffer.from(header), Buffer.alloc(data)]));
  };
  const entry = (begin: number, end: number, more = {}) => ({
    dtype: 'U8',
    shape: [end - begin],
    data_offsets: [begin, end],
    ...more,
  });
  const cases: [string, Uint8Array, string, string][] = [
    ['too short', new Uint8Array(5), 'HEADER', '5 bytes'],
    ['header longer than the file', file('{}', 0, 2 ** 40), 'HEADER', 'claims 1099511627776'],
    ['no JSON', file('{"a":', 0), 'HEADER', 'not JSON'],
    ['no object', file('[1]', 0), 'HEADER', 'not a JSON object'],
    [
      'an overlap',
      file(JSON.stringify({ a: entry(0, 4), b: entry(2, 6) }), 6),
      'HEADER',
      '"b" starts at byte 2 where 4',
    ],
    ['a hole', file(JSON.stringify({ a: entry(0, 2), b: entry(4, 6) }), 6), 'HEADER', 'leaves a hole'],
    ['missing data', file(JSON.stringify({ a: entry(0, 4) }), 3), 'HEADER', 'need 4 bytes, the file has 3'],
    ['left-over data', file(JSON.stringify({ a: entry(0, 4) }), 5), 'HEADER', 'need 4 bytes, the file has 5'],
    ['an unknown type', file(JSON.stringify({ a: entry(0, 4, { dtype: 'F4' }) }), 4), 'TENSOR', 'F4'],
    [
      'a type of the prototype',
      file(JSON.stringify({ a: entry(0, 4, { dtype: 'toString' }) }), 4),
      'TENSOR',
      'toString',
    ],
    ['a wrong size', file(JSON.stringify({ a: entry(0, 4, { shape: [5] }) }), 4), 'TENSOR', 'needs 5 bytes'],
    [
      'an overflowing size',
      file(JSON.stringify({ a: entry(0, 0, { shape: [2 ** 40, 2 ** 40] }) }), 0),
      'TENSOR',
      'needs',
    ],
    ['a negative extent', file(JSON.stringify({ a: entry(0, 4, { shape: [-4, -1] }) }), 4), 'TENSOR', '[-4,-1]'],
    ['no offsets', file('{"a":{"dtype":"U8","shape":[]}}', 1), 'TENSOR', 'offsets'],
    ['metadata that is no text', file('{"__metadata__":{"a":1}}', 0), 'HEADER', '__metadata__'],
  ];
  it.each(cases)('%s', async (name, bytes, code, part) => {
    await expectFailure(() => viewSafetensors(bytes, name), `DMX_SAFETENSORS_${code}`, name, part);
    const path = temporary(`${name}.safetensors`);
    await writeFile(path, bytes);
    await expectFailure(() => readSafetensors(path), `DMX_SAFETENSORS_${code}`, path, part);
    await expectFailure(() => openSafetensors(path), `DMX_SAFETENSORS_${code}`, path, part);
  });
});
