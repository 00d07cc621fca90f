import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { createVolume, type Triple, type Volume, writeNifti } from '@dinomix/volume';
import { describe, expect, test } from 'vitest';
import { niftiFormat } from '../layouts/nifti.js';
import { type CaseCheck, checkCases } from './check-cases.js';
import { constantProblem, imageWarnings, surveyIntensities } from './intensity-findings.js';

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
  readonly check: (more?: Partial<CaseCheck>) => Promise<readonly string[]>;
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
  const check = async (more: Partial<CaseCheck> = {}) => {
    const found: string[] = [];
    const request = {
      root,
      cases,
      splits: { labelled: ['a', 'b'], unlabelled: [], validation: [], test: ['c'] },
      classes: ['background', 'liver', 'spleen'],
      format: niftiFormat({ geometry: null, replaceNonFinite: null }).format,
      labelValues: null,
      tolerance: 0.01,
      hidden: [],
      steps: [{ kind: 'clip', low: -75, high: 275 }, { kind: 'min-max' }] as const,
      isCt: () => true,
      knowsUnit: true,
      ...more,
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
    'negative HU stored as 16 bits without sign',
    // -1000 as uint16 is 64536; SimpleITK's and numpy's casts do the same.
    ({ image }) =>
      write(
        image('b'),
        createVolume({ data: Uint16Array.from(imageOf(1).data), shape: SHAPE, spacing: [3, 1.5, 1.5] }),
      ),
    'error b.nii.gz: holds 0 to 65534; a CT in HU has air near -1000: negative HU were stored as 16 bits without sign, 65536 too large',
  ],
  [
    'an image that is constant',
    ({ image }) => write(image('b'), volumeOf(new Int16Array(120).fill(-1000))),
    'error b.nii.gz: is -1000 everywhere',
  ],
  [
    'an image of which the clip leaves nothing',
    ({ image }) => write(image('b'), volumeOf(Int16Array.from({ length: 120 }, (_, i) => 300 + i))),
    'error b.nii.gz: holds 300 to 419, of which the clip to [-75, 275] leaves one value',
  ],
  [
    'axes that are not square',
    // srow_y[0]: y runs along x too; the qform, which cannot say so, is switched off. atan(1.5 / 0.3) is 78.69 degrees.
    ({ image }) =>
      patch(image('b'), (bytes) => {
        bytes.writeInt16LE(0, 252);
        bytes.writeFloatLE(0.3, 296);
      }),
    'warning b.nii.gz: has axes that are not square to each other: two of them meet at 78.69 degrees',
  ],
  [
    'a header without a place',
    ({ image }) =>
      patch(image('b'), (bytes) => {
        bytes.writeInt16LE(0, 252);
        bytes.writeInt16LE(0, 254);
      }),
    'warning b.nii.gz: does not say where its voxels lie (sform_code and qform_code are 0): axes are taken as left, anterior, superior',
  ],
  [
    'a header without a unit of length',
    ({ image }) => patch(image('b'), (bytes) => void bytes.writeUInt8(0, 123)),
    'warning : the headers of 1 of 3 images name no unit of length; millimetres are taken',
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

describe('intensities', () => {
  test('a CT that nobody calls one is told of, once', async () => {
    const { check } = await build();
    const percentiles = { isCt: () => false, steps: [{ kind: 'clip-percentiles', low: 0.5, high: 99.5 }] as const };
    expect(await check({ ...percentiles, knowsUnit: false })).toEqual([
      'warning : 3 of 3 images look like a CT in HU and are not said to be one: they are clipped to percentiles',
    ]);
    expect(await check({ ...percentiles, knowsUnit: true })).toEqual([]);
  });

  // numpy.percentile of 1000 values of which n are 7, the others spread: the 0.5th is at position 4.995, the 99.5th at 994.005.
  test.each([
    [993, 'error'],
    [990, 'none'],
  ])('%i of 1000 voxels of one value: %s', async (count, expected) => {
    const root = await mkdtemp(join(tmpdir(), 'dinomix-check-'));
    const data = Int16Array.from({ length: 1000 }, (_, i) => (i < count ? 7 : i % 2 === 0 ? 100 + i : -100 - i));
    const volume = createVolume({ data, shape: [10, 10, 10], spacing: [1, 1, 1] });
    const steps = [{ kind: 'clip-percentiles', low: 0.5, high: 99.5 }] as const;
    const found = constantProblem(volume, surveyIntensities(data), { id: 'a', image: join(root, 'a.nii') }, steps);
    expect(found?.severity ?? 'none').toBe(expected);
    if (found !== null)
      expect(found.message).toMatch(/the percentiles 0\.5 and 99\.5, which are both 7 leaves one value/);
  });

  test('metal does not make a CT wrapped, nor does a shift', () => {
    const findingsOf = (data: Uint16Array) =>
      imageWarnings(
        createVolume({ data, shape: [1, 1, data.length], spacing: [1, 1, 1] }),
        { id: 'a', image: 'a' },
        true,
      );
    const shifted = Uint16Array.from({ length: 2000 }, (_, i) => i);
    expect(findingsOf(shifted)[0]).toMatchObject({
      severity: 'warning',
      message: expect.stringMatching(/looks shifted by 1024/),
    });
    const metal = shifted.slice();
    metal[5] = 65000;
    expect(findingsOf(metal)[0]!.message).toMatch(/looks shifted/);
  });
});

test('label values that are no classes are given one, and others refused', async () => {
  const folder = await build();
  const mask = volumeOf(Uint8Array.from(labelOf().data, (value) => [0, 255, 4][value]!));
  for (const id of IDS) await write(folder.label(id), mask);
  expect((await folder.check())[0]).toMatch(
    /^error a-label.nii.gz: label 255 at voxel .* is no class: 3 classes are 0 to 2/,
  );
  expect(await folder.check({ labelValues: { 0: 0, 255: 1, 4: 2 } })).toEqual([]);
  expect((await folder.check({ labelValues: { 0: 0, 255: 1, 3: 2 } }))[0]).toBe(
    'error a-label.nii.gz: label 4 at voxel (i, j, k) = (2,0,0) has no class: the values that have one are 0, 3, 255',
  );
});
