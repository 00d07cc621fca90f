import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createVolume, type Triple, type Volume, writeNifti } from '@dinomix/volume';
import { describe, expect, test } from 'vitest';
import { checkCases } from './check-cases.js';
import { niftiFormat } from './nifti.js';

const SHAPE: Triple = [4, 5, 6];
const IDS = ['a', 'b', 'c'];

function volumeOf<T extends Int16Array | Uint8Array | Float32Array>(data: T, spacing: Triple = [3, 1.5, 1.5]) {
  return createVolume({ data, shape: SHAPE, spacing });
}

const imageOf = (item: number, shift = 0) =>
  volumeOf(Int16Array.from({ length: 120 }, (_, i) => ((i * 37 + item) % 2000) - 1000 + shift));
const labelOf = (classes = 3) => volumeOf(Uint8Array.from({ length: 120 }, (_, i) => i % classes));

interface Folder {
  readonly root: string;
  readonly image: (id: string) => string;
  readonly label: (id: string) => string;
  /** `severity file: message` of every problem. */
  readonly check: () => Promise<readonly string[]>;
}

/** Three sound cases: a and b train, c is tested. */
async function build(): Promise<Folder> {
  const root = await mkdtemp(join(tmpdir(), 'dinomix-check-'));
  const image = (id: string) => join(root, `${id}.nii.gz`);
  const label = (id: string) => join(root, `${id}-label.nii.gz`);
  for (const [item, id] of IDS.entries()) {
    await writeNifti(image(id), imageOf(item));
    await writeNifti(label(id), labelOf());
  }
  const cases = IDS.map((id) => ({ id, image: image(id), label: label(id), isTest: false }));
  const check = async () => {
    const found: string[] = [];
    const request = {
      root,
      cases,
      splits: { labelled: ['a', 'b'], unlabelled: [], validation: [], test: ['c'] },
      classes: ['background', 'liver', 'spleen'],
      format: niftiFormat({ geometry: null, replaceNonFinite: null }).format,
      tolerance: 0.01,
      hidden: [],
      isCt: () => true,
    };
    for await (const { severity, file, message, fix } of checkCases(request)) {
      expect(fix.length).toBeGreaterThan(5);
      found.push(`${severity} ${file.replace(root, '').slice(1)}: ${message.replaceAll(root, '')}`);
    }
    return found;
  };
  return { root, image, label, check };
}

/** Changes the bytes of a gzipped NIfTI file. */
async function patch(file: string, change: (bytes: Buffer) => void): Promise<void> {
  const bytes = gunzipSync(await readFile(file));
  change(bytes);
  await writeFile(file, gzipSync(bytes));
}

test('sound cases have no problem', async () => {
  expect(await (await build()).check()).toEqual([]);
});

type Damage = (folder: Folder) => Promise<void>;
const write = (file: string, volume: Volume) => writeNifti(file, volume);

const DAMAGES: readonly (readonly [what: string, damage: Damage, expected: string | RegExp])[] = [
  [
    'a label above the class count',
    ({ label }) => write(label('b'), labelOf(5)),
    /^error b-label\.nii\.gz: label 3 at voxel \(i, j, k\) = \(3,0,0\) is no class: 3 classes are 0 to 2; .*3, 4$/,
  ],
  [
    'a label stored as float',
    ({ label }) => write(label('b'), volumeOf(Float32Array.from(labelOf().data))),
    'warning b-label.nii.gz: stores its labels as float32',
  ],
  [
    // Slope and intercept as nibabel chooses them for labels 0, 1, 2 that are saved as int16.
    'labels that are whole up to rounding',
    ({ label }) => {
      const stored = volumeOf(Int16Array.from(labelOf().data, (value) => [-32767, 0, 32767][value]!));
      return writeNifti(label('b'), stored, { scaling: { slope: 2 / 65535, intercept: 1.00001 } });
    },
    /^warning b-label\.nii\.gz: 120 of its labels were whole up to 0\.00003, and are taken as whole numbers$/,
  ],
  [
    'a label that was interpolated',
    ({ label }) => write(label('b'), volumeOf(Float32Array.from(labelOf().data, (value) => value * 0.5))),
    /^error b-label\.nii\.gz: label 0\.5 at voxel .* is no class/,
  ],
  [
    'another shape',
    ({ label }) =>
      write(label('b'), createVolume({ data: new Uint8Array(60), shape: [4, 5, 3], spacing: [3, 1.5, 1.5] })),
    /^error b-label\.nii\.gz: has the shape \[4,5,3\] \(z, y, x\), its image \/b\.nii\.gz has \[4,5,6\]$/,
  ],
  [
    'another place',
    async ({ label }) => write(label('b'), volumeOf(labelOf().data, [3, 1.5, 1.6])),
    /^error b-label\.nii\.gz: has an affine that differs by 0\.1/,
  ],
  [
    'qform and sform in conflict',
    // srow_x[3] of the sform, 10 mm off.
    ({ image }) => patch(image('b'), (bytes) => bytes.writeFloatLE(bytes.readFloatLE(292) + 10, 292)),
    /^error b\.nii\.gz: its two matrices place the voxels differently/,
  ],
  [
    'four axes',
    ({ image }) =>
      patch(image('b'), (bytes) => {
        bytes.writeInt16LE(4, 40);
        bytes.writeInt16LE(3, 44);
        bytes.writeInt16LE(2, 48);
      }),
    /^error b\.nii\.gz: has 4 axes: 6 x 3 x 4 x 2 voxels$/,
  ],
  [
    'lengths in metres',
    ({ image }) => write(image('b'), volumeOf(imageOf(1).data, [0.0005, 0.0005, 0.0005])),
    'error b.nii.gz: has the spacing 0.0005 x 0.0005 x 0.0005 (z, y, x), which is read as millimetres; no scan of a body has it',
  ],
  [
    'a header that says metres',
    ({ image }) => patch(image('b'), (bytes) => void bytes.writeUInt8(9, 123)),
    'warning b.nii.gz: has the spacing 3 x 1.5 x 1.5 (z, y, x), which is read as millimetres; its header says metres',
  ],
  [
    'HU shifted by 1024',
    ({ image }) => write(image('b'), imageOf(1, 1024)),
    'warning b.nii.gz: holds 25 to 2023; a CT in HU has air near -1000: it looks shifted by 1024',
  ],
  [
    'one image under two ids, learned and tested',
    async ({ image }) => writeFile(image('c'), await readFile(image('a'))),
    /^error c\.nii\.gz: has the same voxels as \/a\.nii\.gz \(case "a", labelled; this one is test\)$/,
  ],
  [
    'a cut gzip file',
    async ({ image }) => writeFile(image('b'), (await readFile(image('b'))).subarray(0, 120)),
    /^error b\.nii\.gz: ends in the middle of its gzip data$/,
  ],
  ['a file that is gone', ({ image }) => rm(image('b')), /^error b\.nii\.gz: cannot be read: ENOENT/],
];

describe('what is wrong is listed by file, and the other cases are checked all the same', () => {
  test.each(DAMAGES)('%s', async (_what, damage, expected) => {
    const folder = await build();
    await damage(folder);
    // A second mistake in the last case shows that the check went on.
    await write(folder.label('c'), volumeOf(new Uint8Array(120)));
    const found = await folder.check();
    if (typeof expected === 'string') expect(found).toContain(expected);
    else
      expect(
        found.filter((line) => expected.test(line)),
        found.join('\n'),
      ).toHaveLength(1);
    expect(found).toContain('warning c-label.nii.gz: has no foreground voxel');
  });
});
