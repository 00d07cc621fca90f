import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readNifti } from '@dinomix/volume';
import { beforeEach, describe, expect, it } from 'vitest';
import { dinomix, projectOf, temporaryFolder } from '../../test/harness.js';
import { threshold } from '../../test/threshold-backend.js';
import { ANY_IMAGES, READING } from '../../test/trained-images.js';
import { encodeFacts, type NetworkFacts } from './network-facts.js';

const FACTS: NetworkFacts = {
  title: 'test',
  origin: 'run r, student',
  classes: [
    { index: 0, name: 'background', colour: [0, 0, 0], tail: false },
    { index: 1, name: 'left adrenal gland', colour: [200, 0, 0], tail: true },
  ],
  preprocessing: {
    orientation: 'RAS',
    grid: { kind: 'keep' },
    // One half of 0..1, above which the network sees foreground, is 0 HU.
    normalisation: {
      steps: [
        { kind: 'clip', low: -100, high: 100 },
        { kind: 'affine', subtract: -100, divide: 200 },
      ],
      display: [0, 1],
    },
  },
  ...ANY_IMAGES,
  patch: [4, 16, 16],
  padValue: 0,
  inference: { stride: null, overlap: 0, blending: 'uniform', batch: 4, mirror: [] },
};

const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('../../../../plugins/dataset-itk/test/dicom.py', import.meta.url));
/** A gated CT of five slices, 16 x 16, among the test files of pydicom. */
const SERIES = '/usr/lib/python3/dist-packages/pydicom/data/test_files/dicomdirtests/98892001/CT5N';
const CRANIUM = '/usr/share/doc/invesalius-examples/examples/Cranium.inv3';
const hasSeries = existsSync(SERIES);
if (!hasSeries)
  console.log('skipped: predicting DICOM series needs python3-pydicom (Debian package, see .ci/real-data)');
const hasCranium = hasSeries && existsSync(CRANIUM);
if (!hasCranium)
  console.log('skipped: predicting a head CT needs invesalius-examples (Debian package, see .ci/real-data)');

let folder: string;
const backend = { provides: ['backend:onnxruntime'], load: async () => ({ threshold }) };
const itk = { provides: ['dataset:itk'], load: async () => import('@dinomix/dataset-itk') };
const run = (...args: string[]) => {
  const packages = projectOf(folder, { '@dinomix/backend-onnxruntime': backend, '@dinomix/dataset-itk': itk });
  return dinomix(['predict', ...args, '-n', 'net.onnx'], { folder, packages });
};

const values = Int16Array.from({ length: 3 * 4 * 5 }, (_, index) => ((index * 7919) % 1000) - 400);
const expected = Uint8Array.from(values, (value) => (value > 0 ? 1 : 0));

function writeNrrd(name: string): void {
  const header =
    'NRRD0004\ntype: short\ndimension: 3\nspace: left-posterior-superior\nsizes: 5 4 3\n' +
    'space directions: (0.5,0,0) (0,0.75,0) (0,0,2)\nspace origin: (10,20,30)\nendian: little\nencoding: raw\n\n';
  writeFileSync(join(folder, name), Buffer.concat([Buffer.from(header), Buffer.from(values.buffer)]));
}

/** Runs one function of the script that reads DICOM with pydicom alone. */
const pydicom = (name: string, spec: object) =>
  JSON.parse(execFileSync(PYTHON, [SCRIPT, name, JSON.stringify(spec)], { encoding: 'utf8' }));

/** What the network must say about a series, by pydicom's reading of it. */
function expectedOf(series: string): Uint8Array {
  const out = join(folder, 'hu.raw');
  pydicom('series', { folder: series, out });
  const bytes = readFileSync(out);
  return Uint8Array.from(new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4), (value) =>
    value > 0 ? 1 : 0,
  );
}

function segmentationOf(file: string, series: string) {
  const out = join(folder, 'labels.raw');
  const view = pydicom('segmentation', { file, folder: series, out });
  return { ...view, data: new Uint8Array(readFileSync(out)) };
}

beforeEach(() => {
  folder = temporaryFolder();
  writeFileSync(join(folder, 'net.onnx'), JSON.stringify(encodeFacts(FACTS)));
});

describe('NRRD and MetaImage', () => {
  it.each([
    ['out.nii.gz', []],
    ['out.nrrd', []],
    ['out.mha', []],
    ['labels', ['--format', 'nrrd']],
  ])('an .nrrd becomes %s', async (out, more) => {
    writeNrrd('case_0000.nrrd');
    const { code, err } = await run('case_0000.nrrd', '-o', out, ...more);
    expect({ code, err: err.includes('DMX') }, err).toEqual({ code: 0, err: false });
    const file = out === 'labels' ? 'labels/case.nrrd' : out;
    const { readImage } = await import('@dinomix/dataset-itk');
    const labels = await readImage(join(folder, file));
    expect(labels.data).toEqual(expected);
    expect(labels.affine[0]).toEqual([-0.5, 0, 0, -10]);
    expect(labels.spacing).toEqual([2, 0.75, 0.5]);
  });

  it('have no fourth axis to choose from', async () => {
    writeNrrd('a.nrrd');
    const refused = await run('a.nrrd', '-o', 'out.mha', '--frame', '1');
    expect(refused.code).not.toBe(0);
    expect(refused.err).toContain('only NIfTI files are read with four axes; --frame 0 takes the image as it is');
    writeFileSync(
      join(folder, 'net.onnx'),
      JSON.stringify(encodeFacts({ ...FACTS, reading: { ...READING, frame: 1 } })),
    );
    expect((await run('a.nrrd', '-o', 'out.mha')).code).not.toBe(0);
    expect(existsSync(join(folder, 'out.mha'))).toBe(false);
    expect((await run('a.nrrd', '-o', 'out.mha', '--frame', '0')).code).toBe(0);
  });

  it('a folder of them, beside NIfTI', async () => {
    mkdirSync(join(folder, 'images'));
    writeNrrd('images/b_0000.nrrd');
    writeNrrd('elsewhere.nrrd');
    symlinkSync(join(folder, 'elsewhere.nrrd'), join(folder, 'images/a.nrrd'));
    symlinkSync(folder, join(folder, 'images/loop'));
    const { code, err, out } = await run('images', '--format', 'mha', '--json');
    expect(code, err).toBe(0);
    expect(readdirSync(join(folder, 'images_labels')).sort()).toEqual(['a.mha', 'b.mha']);
    expect(JSON.parse(out).predictions).toHaveLength(2);
    expect(err).toBe('');
  });

  it('without the package: says what to install, and writes nothing', async () => {
    writeNrrd('a.nrrd');
    const packages = projectOf(folder, { '@dinomix/backend-onnxruntime': backend });
    const { code, err } = await dinomix(['predict', 'a.nrrd', '-n', 'net.onnx'], {
      folder,
      packages: {
        ...packages,
        load: async (name, wanted) =>
          (name.includes('backend') ? packages : (await import('../packages.js')).createPackages(folder)).load(
            name,
            wanted,
          ),
      },
    });
    expect(code).toBe(2);
    expect(err).toContain('DMX_CLI_PACKAGE');
    expect(err).toContain('npm install @dinomix/dataset-itk');
    expect(readdirSync(folder).sort()).toEqual(['a.nrrd', 'net.onnx']);
  });

  it('refuses what does not go together', async () => {
    writeNrrd('a.nrrd');
    writeFileSync(join(folder, 'a.txt'), 'x');
    for (const [args, reason] of [
      [['a.nrrd', '--format', 'seg'], 'A DICOM segmentation refers to a DICOM series'],
      [['a.nrrd', '-o', 'a.dcm'], 'A DICOM segmentation refers to a DICOM series'],
      [['a.nrrd', '-o', 'b.mha', '--format', 'nrrd'], '--format nrrd does not write a file of the name b.mha'],
      [['a.nrrd', '-o', 'a.nrrd'], 'would replace it'],
      [['a.txt'], 'Its name is not that of a NIfTI, NRRD or MetaImage file'],
      [['nowhere'], 'There is no such file or folder'],
    ] as const) {
      const { code, err } = await run(...args);
      expect(code).toBe(2);
      expect(err).toContain(reason);
    }
    mkdirSync(join(folder, 'empty'));
    expect((await run('empty')).err).toContain('It holds no NIfTI, NRRD, MetaImage or DICOM file');
  });

  it('a damaged file is named', async () => {
    writeFileSync(join(folder, 'a.nrrd'), 'NRRD0004\n');
    const { code, err } = await run('a.nrrd');
    expect(code).toBe(1);
    expect(err).toContain(`DMX_IMAGE_READ  ${join(folder, 'a.nrrd')} cannot be used`);
  });
});

describe.skipIf(!hasSeries)('a DICOM series', () => {
  const copySeries = (...path: string[]) => {
    const target = join(folder, ...path);
    cpSync(SERIES, target, { recursive: true });
    return target;
  };

  it('becomes NIfTI beside its folder', async () => {
    const series = copySeries('ct');
    const { code, err } = await run('ct');
    expect(code, err).toBe(0);
    const { volume } = await readNifti(join(folder, 'ct_labels.nii.gz'));
    expect(volume.data).toEqual(expectedOf(series));
    expect(new Set(volume.data).size).toBe(2);
  });

  it.each([
    ['seg.dcm', []],
    ['labels', ['--format', 'seg']],
  ])('becomes a DICOM segmentation: %s', async (out, more) => {
    const series = copySeries('ct');
    const { code, err, out: told } = await run('ct', '-o', out, '--json', ...more);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const file = join(folder, out === 'labels' ? 'labels/ct.dcm' : out);
    const seen = segmentationOf(file, series);
    expect(seen.data).toEqual(expectedOf(series));
    expect(seen.segments).toMatchObject([
      { number: 1, label: 'left adrenal gland', algorithm: ['AUTOMATIC', 'DinoMix test'], type: 'Adrenal gland' },
    ]);
    expect(seen.framesReferToTheirSlices).toBe(true);
    expect(JSON.parse(told).predictions[0]).toMatchObject({ output: file, notes: [] });
    // Neither temporary files nor the output of ITK stay behind.
    expect(readdirSync(join(file, '..')).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('in folders of patients keeps their names apart, and notes what is no slice', async () => {
    const first = copySeries('study', 'anna', 'CT');
    copySeries('study', 'bert', 'CT');
    writeFileSync(join(first, 'README.txt'), 'x');
    const { code, err } = await run('study', '-o', 'labels', '--format', 'seg');
    expect(code, err).toBe(0);
    expect(readdirSync(join(folder, 'labels')).sort()).toEqual(['anna_CT.dcm', 'bert_CT.dcm']);
    expect(err).toContain(`note  ignored ${join(first, 'README.txt')}, which is not DICOM`);
  });

  it('with a missing slice is refused, and nothing is written', async () => {
    const series = copySeries('ct');
    const { out } = await run('ct', '--json');
    expect(JSON.parse(out).predictions[0].shape).toEqual([5, 16, 16]);
    execFileSync(PYTHON, [
      '-c',
      'import os, sys, pydicom\n' +
        'f = sorted((float(pydicom.dcmread(os.path.join(sys.argv[1], n)).ImagePositionPatient[2]), n) for n in os.listdir(sys.argv[1]))\n' +
        'os.remove(os.path.join(sys.argv[1], f[2][1]))',
      series,
    ]);
    const { code, err } = await run('ct', '-o', 'seg.dcm');
    expect(code).toBe(1);
    expect(err).toContain('DMX_DICOM_GEOMETRY');
    expect(err).toContain('the slices are 2.5 mm apart, but 5 mm between');
    expect(existsSync(join(folder, 'seg.dcm'))).toBe(false);
  });

  it('of several in one folder is chosen by --series; a single file is not taken for one', async () => {
    const series = join(folder, 'ct');
    for (const uid of ['1.2.3', '1.2.4']) {
      const out = join(folder, uid);
      pydicom('make', { out, shape: [4, 8, 8], spacing: [1, 1, 2], series: uid });
      mkdirSync(series, { recursive: true });
      for (const name of readdirSync(out)) cpSync(join(out, name), join(series, `${uid}-${name}`));
    }
    const { code, err } = await run('ct');
    expect(code).toBe(1);
    expect(err).toContain('1.2.3 "head" CT, 4 slices');
    expect((await run('ct', '--series', '1.2.4')).code).toBe(0);
    const [file] = readdirSync(series);
    expect((await run(`ct/${file}`)).err).toContain('name the folder of the series');
  });
});

it.skipIf(!hasCranium)('a head CT of 108 slices becomes a DICOM segmentation, voxel by voxel', async () => {
  const series = join(folder, 'head');
  pydicom('make', { out: series, cranium: true });
  writeFileSync(join(folder, 'net.onnx'), JSON.stringify(encodeFacts({ ...FACTS, patch: [54, 128, 128] })));
  const { code, err } = await run('head', '-o', 'bone.dcm');
  expect(code, err).toBe(0);
  const seen = segmentationOf(join(folder, 'bone.dcm'), series);
  expect(Buffer.compare(seen.data, expectedOf(series))).toBe(0);
  expect(seen.segments[0].frames).toBe(seen.frames);
});
