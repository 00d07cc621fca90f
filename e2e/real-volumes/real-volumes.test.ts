import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensors } from '@dinomix/volume';
import { expect, it } from 'vitest';
import { dinomix } from '../support/command.js';
import { createProject } from '../support/small-project.js';

const PYTHON = '/usr/bin/python3';
const MRICRON = '/usr/share/mricron/templates';
const ITK = '/usr/share/doc/insighttoolkit5-examples/examples/Data';
const NIBABEL = '/usr/lib/python3/dist-packages/nibabel/tests/data';

/** A pair of real files, and the Debian package that has them. */
interface Pair {
  readonly title: string;
  readonly from: string;
  readonly image: string;
  /** Absent: the label is written by nibabel, voxels above the given intensity. */
  readonly label?: string;
  readonly above?: number;
  readonly classes: number;
  /** Volumes along a fourth axis, of which the first is the image; absent: the file has three axes. */
  readonly frames?: number;
}

const PAIRS: readonly Pair[] = [
  {
    title: 'T1 with axes L, S, A and 7 classes',
    from: 'insighttoolkit5-examples',
    image: join(ITK, 'KmeansTest_T1UCharRaw.nii.gz'),
    label: join(ITK, 'KmeansTest_T1KmeansPrelimSegmentation.nii.gz'),
    classes: 7,
  },
  {
    title: 'Colin 27 with the 116 regions of AAL',
    from: 'mricron-data',
    image: join(MRICRON, 'ch2.nii.gz'),
    label: join(MRICRON, 'aal.nii.gz'),
    classes: 117,
  },
  {
    title: 'big-endian int16',
    from: 'python3-nibabel',
    image: join(NIBABEL, 'anatomical.nii'),
    above: 10000,
    classes: 2,
  },
  {
    title: 'NIfTI-2 with two volumes along a fourth axis',
    from: 'python3-nibabel',
    image: join(NIBABEL, 'example_nifti2.nii.gz'),
    above: 300,
    classes: 2,
    frames: 2,
  },
];

/** Writes the label where there is none, and tells what nibabel sees. */
const LOOK = `
import json, sys, nibabel, numpy
image, label, above = sys.argv[1], sys.argv[2], sys.argv[3]
i = nibabel.load(image)
data = numpy.asanyarray(i.dataobj)
data = data[..., 0] if data.ndim == 4 else data
if above:
  nibabel.save(nibabel.Nifti1Image((data > float(above)).astype(numpy.uint8), i.affine), label)
l = nibabel.load(label)
labels = numpy.asanyarray(l.dataobj)
print(json.dumps({'shape': data.shape[::-1], 'affine': i.affine.tolist(), 'counts': numpy.bincount(labels.ravel()).tolist(),
  'range': [float(data.min()), float(data.max())]}))
`;

function whatIsMissing({ from, image, label }: Pair): string | null {
  if (!existsSync(image) || (label !== undefined && !existsSync(label))) return from;
  return spawnSync(PYTHON, ['-c', 'import nibabel']).status === 0 ? null : 'python3-nibabel';
}

function nnunetDocument(names: readonly string[], ending: string) {
  const labels = Object.fromEntries(names.map((name, value) => [name, value]));
  return { channel_names: { 0: 'MRI' }, labels, file_ending: ending };
}

function decathlonDocument(names: readonly string[], frames: number) {
  const modality = Object.fromEntries(Array.from({ length: frames }, (_, index) => [index, `MRI ${index}`]));
  const training = [{ image: './imagesTr/case.nii.gz', label: './labelsTr/case.nii.gz' }];
  return { modality, labels: Object.fromEntries(names.entries()), tensorImageSize: '4D', numTraining: 1, training };
}

async function createFolder({ image, label, above, classes, frames }: Pair) {
  const folder = await createProject();
  const root = join(folder, 'real');
  for (const name of ['imagesTr', 'labelsTr']) await mkdir(join(root, name), { recursive: true });
  const ending = image.endsWith('.gz') ? '.nii.gz' : '.nii';
  const own = join(root, `labelsTr/case${ending}`);
  // As the Decathlon names a file that holds all modalities.
  const suffix = frames === undefined ? '_0000' : '';
  await symlink(image, join(root, `imagesTr/case${suffix}${ending}`));
  if (label !== undefined) await symlink(label, own);
  const seen = JSON.parse(execFileSync(PYTHON, ['-c', LOOK, image, own, String(above ?? '')], { encoding: 'utf8' }));
  const names = Array.from({ length: classes }, (_, value) => (value === 0 ? 'background' : `region ${value}`));
  const document = frames === undefined ? nnunetDocument(names, ending) : decathlonDocument(names, frames);
  await writeFile(join(root, 'dataset.json'), JSON.stringify(document));
  await writeFile(join(root, 'split.json'), JSON.stringify({ labelled: ['case'] }));
  const options = { root, cache: join(folder, 'cache'), split: 'split.json', grid: 'keep', orientation: 'keep' };
  const args = Object.entries(options).flatMap(([key, value]) => ['--set', `dataset.nnunet.${key}=${value}`]);
  return { folder, seen, args };
}

it.for(PAIRS)(
  '$title: checked, prepared and described as nibabel reads it',
  { timeout: 120_000 },
  async (pair, ctx) => {
    const missing = whatIsMissing(pair);
    if (missing !== null) {
      console.info(`skipped: ${pair.title} needs the Debian package ${missing}, see .ci/real-data`);
      return ctx.skip();
    }
    const { folder, seen, args } = await createFolder(pair);
    const check = await dinomix(folder, 'data', 'check', ...args);
    expect({ code: check.code, out: check.out, err: check.err }).toMatchObject({
      code: 0,
      out: expect.stringContaining('0 errors'),
    });

    const prepared = await dinomix(folder, 'data', 'prepare', ...args, '--workers', '1');
    expect(prepared).toMatchObject({ code: 0, out: expect.stringContaining('1 case prepared') });
    const name = (await readdir(join(folder, 'cache'))).find((file) => file.endsWith('.safetensors'))!;
    const kept = await readSafetensors(join(folder, 'cache', name));
    const { grid, source } = JSON.parse(kept.metadata.geometry!);
    expect(kept.tensor('label').shape).toEqual(seen.shape);
    for (const { shape, affine } of [grid, source]) {
      expect(shape).toEqual(seen.shape);
      for (const [row, values] of affine.entries()) {
        for (const [column, value] of values.entries()) expect(value).toBeCloseTo(seen.affine[row][column], 4);
      }
    }

    const described = JSON.parse((await dinomix(folder, 'data', 'fingerprint', ...args, '--json')).out);
    expect(described.classes.map(({ voxels }: { readonly voxels: number }) => voxels)).toEqual(seen.counts.slice(1));
    const [{ shape, intensities }] = described.cases;
    expect(shape).toEqual(seen.shape);
    // Of larger volumes every second voxel or so is looked at.
    if (shape.reduce((a: number, b: number) => a * b) <= 1e6)
      expect([intensities[0], intensities.at(-1)]).toEqual(seen.range);
  },
);
