import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { countLabels, orientationOf, readNifti } from '@dinomix/volume';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ORGANS } from './classes.js';
import { type WritePhantomRequest, writePhantomDataset } from './write-dataset.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dinomix-phantoms-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const small = { cases: 1, seed: 7, size: [32, 64, 64] } as const;

async function listed(out: string): Promise<string[]> {
  const entries = await readdir(out, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(out, join(entry.parentPath, entry.name)))
    .sort();
}

describe('layouts', () => {
  test('Synapse', async () => {
    const out = join(folder, 'synapse');
    const written = await writePhantomDataset({ ...small, layout: 'synapse', out, cases: 2 });
    expect(await listed(out)).toEqual([
      'RawData/Training/img/img0001.nii.gz',
      'RawData/Training/img/img0002.nii.gz',
      'RawData/Training/label/label0001.nii.gz',
      'RawData/Training/label/label0002.nii.gz',
    ]);
    expect(written.files.map((file) => relative(out, file)).sort()).toEqual(await listed(out));
  });

  test('AMOS22: two training cases for each validation case, with the numbers of the real ones', async () => {
    const out = join(folder, 'amos');
    await writePhantomDataset({ ...small, layout: 'amos', out, cases: 3, size: [48, 64, 64] });
    expect(await listed(out)).toEqual([
      'dataset.json',
      'imagesTr/amos_0001.nii.gz',
      'imagesTr/amos_0004.nii.gz',
      'imagesVa/amos_0008.nii.gz',
      'labelsTr/amos_0001.nii.gz',
      'labelsTr/amos_0004.nii.gz',
      'labelsVa/amos_0008.nii.gz',
    ]);
    const document = JSON.parse(await readFile(join(out, 'dataset.json'), 'utf8'));
    expect(document.labels['15']).toBe('prostate or uterus');
    expect(document.training[1]).toEqual({
      image: './imagesTr/amos_0004.nii.gz',
      label: './labelsTr/amos_0004.nii.gz',
    });
    const { volume } = await readNifti(join(out, 'labelsVa/amos_0008.nii.gz'));
    expect([...countLabels(volume.data as Uint8Array, 16)].every((count) => count > 0)).toBe(true);
    expect(orientationOf(volume.affine)).toBe('LPS');
  });

  test('nnU-Net: a fifth in imagesTs, unlabelled cases without a label file', async () => {
    const out = join(folder, 'nnunet');
    await writePhantomDataset({ ...small, layout: 'nnunet', out, cases: 4, unlabelled: 2 });
    expect(await listed(out)).toEqual([
      'dataset.json',
      'imagesTr/phantom_0001_0000.nii.gz',
      'imagesTr/phantom_0002_0000.nii.gz',
      'imagesTr/phantom_0003_0000.nii.gz',
      'imagesTs/phantom_0004_0000.nii.gz',
      'labelsTr/phantom_0001.nii.gz',
      'labelsTs/phantom_0004.nii.gz',
    ]);
    const document = JSON.parse(await readFile(join(out, 'dataset.json'), 'utf8'));
    expect(document).toMatchObject({ channel_names: { '0': 'CT' }, numTraining: 1, file_ending: '.nii.gz' });
    expect(document.labels).toMatchObject({ background: 0, spleen: 1, 'left adrenal gland': 13 });
  });
});

test('the numbering of Synapse jumps from 0010 to 0021', async () => {
  const seen: string[] = [];
  const signal = AbortSignal.abort(new Error('only the plan is wanted'));
  const run = (request: Partial<WritePhantomRequest>) =>
    writePhantomDataset({ ...small, layout: 'synapse', out: join(folder, 'ids'), ...request });
  await expect(run({ signal })).rejects.toThrow('only the plan is wanted');
  const controller = new AbortController();
  const onCase = ({ id }: { id: string }) => {
    seen.push(id);
    controller.abort();
  };
  await expect(run({ cases: 12, onCase, signal: controller.signal })).rejects.toThrow();
  expect(seen).toEqual(['0001']);
  await writeFile(join(folder, 'ids', 'RawData/Training/label/label0022.nii.gz'), '');
  await expect(run({ cases: 12, overwrite: false })).rejects.toThrow('img0001.nii.gz exists already');
  await rm(join(folder, 'ids', 'RawData/Training/img'), { recursive: true });
  await rm(join(folder, 'ids', 'RawData/Training/label/label0001.nii.gz'));
  // The twelfth case is 0022.
  await expect(run({ cases: 12 })).rejects.toThrow('label0022.nii.gz exists already');
});

test('nothing is written over existing files unless asked for', async () => {
  const out = join(folder, 'twice');
  const request = { ...small, layout: 'nnunet', out } as const;
  await writePhantomDataset(request);
  const image = join(out, 'imagesTr/phantom_0001_0000.nii.gz');
  const before = await readFile(image);
  await expect(writePhantomDataset({ ...request, seed: 8 })).rejects.toThrow(/exists already/);
  expect(before.equals(await readFile(image))).toBe(true);
  await writePhantomDataset({ ...request, overwrite: true });
  expect(before.equals(await readFile(image))).toBe(true);
});

test('values out of range are named together', async () => {
  const request = { layout: 'amos', cases: 2, seed: -1, out: folder, size: [40, 64, 64], unlabelled: 1 } as const;
  await expect(writePhantomDataset(request)).rejects.toThrow(/seed is -1.*size is \[40,64,64\].*layout nnunet only/s);
  await expect(writePhantomDataset({ ...request, cases: 0 })).rejects.toThrow('cases is 0');
});

/** What nibabel says of one file. */
interface NibabelView {
  readonly shape: readonly [number, number, number];
  readonly affine: readonly (readonly number[])[];
  readonly dtype: string;
  readonly axes: string;
  readonly sha256: string;
  readonly sum: number;
}

test('nibabel reads what is written here as we do', async () => {
  const stored = new URL('../test/nibabel.json', import.meta.url);
  const views = JSON.parse(await readFile(stored, 'utf8')) as Record<string, NibabelView>;
  const dtypes = new Map<unknown, string>([
    [Int16Array, 'int16'],
    [Uint8Array, 'uint8'],
  ]);
  expect(Object.keys(views)).toHaveLength(6);
  for (const layout of ['synapse', 'amos', 'nnunet'] as const) {
    const out = join(folder, `nibabel-${layout}`);
    await writePhantomDataset({ layout, cases: 1, seed: 7, size: [48, 64, 80], out });
    for (const [name, view] of Object.entries(views).filter(([key]) => key.startsWith(layout))) {
      const { volume } = await readNifti(join(out, name.slice(layout.length + 1)));
      expect([...volume.shape].reverse()).toEqual(view.shape);
      expect(orientationOf(volume.affine)).toBe(view.axes);
      expect(dtypes.get(volume.data.constructor)).toBe(view.dtype);
      for (const [row, values] of view.affine.entries()) {
        for (const [column, value] of values.entries()) expect(volume.affine[row]![column]).toBeCloseTo(value, 4);
      }
      const bytes = new Uint8Array(volume.data.buffer, volume.data.byteOffset, volume.data.byteLength);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(view.sha256);
    }
  }
});

test.each([
  ['synapse', 'RawData/Training/img/img0001.nii.gz', 'RawData/Training/label/label0001.nii.gz'],
  ['amos', 'imagesTr/amos_0001.nii.gz', 'labelsTr/amos_0001.nii.gz'],
  ['nnunet', 'imagesTr/phantom_0001_0000.nii.gz', 'labelsTr/phantom_0001.nii.gz'],
] as const)(
  'written files of %s have the imbalance and the intensities of the benchmark',
  async (layout, scan, mask) => {
    const out = join(folder, `written-${layout}`);
    await writePhantomDataset({ layout, cases: 1, seed: 11, size: [56, 96, 96], out });
    const image = (await readNifti(join(out, scan))).volume;
    const label = (await readNifti(join(out, mask))).volume;
    const organs = ORGANS[layout === 'amos' ? 'amos' : 'synapse'];
    const sums = organs.map(() => [0, 0] as [number, number]);
    label.data.forEach((value, index) => {
      if (value === 0) return;
      sums[value - 1]![0]++;
      sums[value - 1]![1] += image.data[index]!;
    });
    const of = (organ: (typeof organs)[number]) => sums[organs.indexOf(organ)]!;
    const [liver] = of('liver');
    for (const side of ['right', 'left'] as const)
      expect(liver / of(`${side} adrenal gland`)[0]).toBeGreaterThanOrEqual(300);
    // The ranges of a portal-venous scan, as in phantom.test.ts.
    for (const [organ, low, high] of [
      ['liver', 70, 140],
      ['spleen', 85, 150],
      ['right kidney', 115, 215],
      ['aorta', 100, 200],
      ['gallbladder', -30, 60],
    ] as const) {
      const [count, sum] = of(organ);
      expect(sum / count, organ).toBeGreaterThan(low);
      expect(sum / count, organ).toBeLessThan(high);
    }
  },
);
