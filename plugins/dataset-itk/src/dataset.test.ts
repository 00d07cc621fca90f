import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CreateCaseReader, DataProblem, Dataset } from '@dinomix/core';
import { openNnunetFolder } from '@dinomix/data';
import { createVolume, flip, labelColour, type Volume, writeNifti } from '@dinomix/volume';
import { describe, expect, it } from 'vitest';
import { canTest, makeSeries, patternOf, temporaryFolder } from '../test/python.js';
import { checkDataset } from './check.js';
import { readDicomSeries } from './dicom/read-series.js';
import { layoutOf } from './layout.js';
import { type ItkInput, optionsSchema } from './options.js';
import { writeDicomSegmentation } from './segmentation/write.js';

const SHAPE = [4, 5, 6] as const;
const COUNT = 120;
const CLASSES = ['background', 'liver', 'spleen'];
const DOCUMENT = { channel_names: { 0: 'CT' }, labels: { background: 0, liver: 1, spleen: 2 } };

/** NRRD by the letter: x to the left, y to the back, z up; spacing 1.5, 1.5, 3 mm. */
function nrrd(type: 'short' | 'uchar', data: Int16Array | Uint8Array, origin = '10,20,30'): Buffer {
  const header =
    `NRRD0004\ntype: ${type}\ndimension: 3\nspace: left-posterior-superior\nsizes: 6 5 4\n` +
    `space directions: (1.5,0,0) (0,1.5,0) (0,0,3)\nspace origin: (${origin})\nendian: little\nencoding: raw\n\n`;
  return Buffer.concat([Buffer.from(header), Buffer.from(data.buffer)]);
}

const imageOf = (seed: number) => Int16Array.from({ length: COUNT }, (_, i) => ((i * 37 + seed * 101) % 800) - 400);
const labelOf = () => Uint8Array.from({ length: COUNT }, (_, i) => i % 3);

function rootWith(files: Readonly<Record<string, Buffer>>, document: object = DOCUMENT): string {
  const root = mkdtempSync(join(tmpdir(), 'dinomix-itk-set-'));
  for (const folder of ['imagesTr', 'labelsTr']) mkdirSync(join(root, folder));
  writeFileSync(join(root, 'dataset.json'), JSON.stringify(document));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(root, name), content);
  return root;
}

function pairs(...ids: readonly string[]): Record<string, Buffer> {
  const files = ids.flatMap((id, seed) => [
    [`imagesTr/${id}_0000.nrrd`, nrrd('short', imageOf(seed))] as const,
    [`labelsTr/${id}.nrrd`, nrrd('uchar', labelOf())] as const,
  ]);
  return Object.fromEntries(files);
}

const WHOLE = { validation: 0, test: 0 } as const;
const open = (input: ItkInput): Promise<Dataset> => {
  const options = optionsSchema.parse(input);
  return openNnunetFolder(options, layoutOf(options));
};

async function report(input: ItkInput): Promise<string[]> {
  const found: DataProblem[] = [];
  for await (const problem of checkDataset({ ...WHOLE, ...input })) found.push(problem);
  return found
    .filter(({ message }) => !/no case is in the part/.test(message))
    .map(
      ({ severity, file, message }) =>
        `${severity} ${file.replace(input.root, '.')}: ${message.replaceAll(input.root, '.')}`,
    );
}

describe('files that ITK reads', () => {
  it('cases of several formats in one folder; each has the grid of its file', async () => {
    const root = rootWith(pairs('a', 'b'));
    const volume = createVolume({ data: imageOf(7), shape: SHAPE, spacing: [3, 1.5, 1.5] });
    await writeNifti(join(root, 'imagesTr/c_0000.nii.gz'), volume);
    await writeNifti(join(root, 'labelsTr/c.nii.gz'), { ...volume, data: labelOf() });
    const dataset = await open({ root, ...WHOLE });
    expect(dataset.splits.labelled).toEqual(['a', 'b', 'c']);
    const { image, label } = await dataset.readCase('b', 'labelled');
    expect(image.data).toEqual(imageOf(1));
    expect(label!.data).toEqual(labelOf());
    expect(image.affine).toEqual([
      [-1.5, 0, 0, -10],
      [0, -1.5, 0, -20],
      [0, 0, 3, 30],
      [0, 0, 0, 1],
    ]);
    expect((await dataset.readCase('c', 'labelled')).image.data).toEqual(imageOf(7));
    expect(await report({ root })).toEqual([]);
  });

  it('the label of an unlabelled case is never opened', async () => {
    const root = rootWith({ ...pairs('a', 'b'), 'labelsTr/b.nrrd': Buffer.from('no image') });
    const dataset = await open({ root, ...WHOLE, unlabelled: ['b'] });
    expect(dataset.splits).toMatchObject({ labelled: ['a'], unlabelled: ['b'] });
    expect((await dataset.readCase('b', 'unlabelled')).label).toBeNull();
    const fingerprint = await dataset.fingerprint();
    expect(fingerprint.cases.b!.label).toBeNull();
    expect(await report({ root, unlabelled: ['b'] })).toEqual([]);
    expect(await report({ root })).toHaveLength(1);
  });

  it('a loader thread finds the reader by its URL', async () => {
    const dataset = await open({ root: rootWith(pairs('a', 'b')), ...WHOLE });
    const { module, export: name, options } = dataset.workerSource;
    const create = ((await import(module)) as Record<string, CreateCaseReader>)[name]!;
    const reader = await create(JSON.parse(JSON.stringify(options)));
    expect((await reader.readCase('a', 'labelled')).image.data).toEqual(imageOf(0));
  });

  it('the voxels beside a header count as the file', async () => {
    const header = Buffer.from(
      'ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\nOffset = 0 0 0\n' +
        'ElementSpacing = 1.5 1.5 3\nDimSize = 6 5 4\nElementType = MET_SHORT\nElementDataFile = a.raw\n',
    );
    const raw = Buffer.from(imageOf(3).buffer);
    const root = rootWith({
      'imagesTr/a_0000.mhd': header,
      'imagesTr/a.raw': raw,
      'labelsTr/a.nrrd': nrrd('uchar', labelOf()),
    });
    const dataset = await open({ root, ...WHOLE });
    const before = await dataset.identify!('a', 'labelled');
    const digests = await before.digests();
    writeFileSync(join(root, 'imagesTr/a.raw'), Buffer.from(imageOf(4).buffer));
    utimesSync(join(root, 'imagesTr/a.raw'), new Date(), new Date(2030, 1, 1));
    const after = await dataset.identify!('a', 'labelled');
    expect(after.stamp).not.toBe(before.stamp);
    expect((await after.digests()).image).not.toBe(digests.image);
  });

  it('everything that is wrong is listed by file', async () => {
    const files = {
      ...pairs('a', 'b', 'c', 'd', 'e', 'f', 'g'),
      'imagesTr/b_0000.nrrd': nrrd('short', imageOf(1)).subarray(0, -30),
      'labelsTr/c.nrrd': nrrd('uchar', labelOf(), '10,20,33'),
      'labelsTr/d.nrrd': nrrd(
        'uchar',
        labelOf().map((value) => value * 2),
      ),
      'imagesTr/e_0000.mha': Buffer.from('x'),
      'labelsTr/f.dcm': Buffer.from('x'),
      'labelsTr/lonely.mha': Buffer.from('x'),
    };
    const root = rootWith(files);
    renameSync(join(root, 'labelsTr/f.nrrd'), join(root, 'f.away'));
    const found = await report({ root });
    const about = (name: string) => found.filter((line) => line.includes(`/${name}`)).join('\n');
    expect(about('b_0000')).toMatch(/^error .*cannot be read/);
    expect(about('c.nrrd')).toMatch(/^error .*affine that differs by 3\.000/);
    expect(about('d.nrrd')).toMatch(/^error .*label 4 at voxel/);
    expect(about('e_0000')).toMatch(/is case "e", as is \.\/imagesTr\/e_0000\.mha/);
    expect(about('f.dcm')).toMatch(/^error .*is no DICOM segmentation/);
    expect(about('lonely')).toMatch(/is a label without an image/);
  });

  it('modalities along a fourth axis: of NIfTI the one that was chosen, of other files none', async () => {
    // Written by nibabel, which also summed the voxels of each modality.
    const fixtures = new URL('../../dataset-nnunet/test/fixtures/', import.meta.url);
    const views = JSON.parse(readFileSync(new URL('fixtures.json', fixtures), 'utf8'));
    const dataset = await open({ root: fileURLToPath(new URL('prostate', fixtures)), ...WHOLE, channel: 1 });
    expect(dataset.reading?.frame).toBe(1);
    const { image } = await dataset.readCase('prostate_12', 'labelled');
    const sum = [...image.data].reduce((total, value) => total + value, 0);
    expect(sum).toBe(views['prostate/imagesTr/prostate_12.nii.gz'].channels[1]);
    const files = { 'imagesTr/a.nrrd': nrrd('short', imageOf(0)), 'labelsTr/a.nrrd': nrrd('uchar', labelOf()) };
    const modality = { 0: 'T2', 1: 'ADC' };
    const root = rootWith(files, { modality, labels: { 0: 'background', 1: 'liver', 2: 'spleen' } });
    expect((await report({ root, channel: 1 })).join()).toMatch(/a\.nrrd: volume 1, from 0, .* only NIfTI files/);
    const first = await open({ root, ...WHOLE, channel: 0 });
    expect((await first.readCase('a', 'labelled')).image.data).toEqual(imageOf(0));
  });

  it('dataset.json names one ending, or one that nobody reads', async () => {
    const root = rootWith(pairs('a', 'b'), { ...DOCUMENT, file_ending: '.nrrd' });
    expect((await open({ root, ...WHOLE })).splits.labelled).toEqual(['a', 'b']);
    expect(await report({ root: rootWith(pairs('a'), { ...DOCUMENT, file_ending: '.tif' }) })).toContain(
      'error ./dataset.json: has the file ending ".tif"',
    );
  });
});

describe.skipIf(!canTest('a data set of DICOM series'))('DICOM series', () => {
  const SIZE = [5, 8, 7] as const;

  /** A case whose label is a DICOM segmentation on slices 1 and 2 alone. */
  async function addCase(root: string, id: string, spec: object = {}): Promise<Volume<Uint8Array>> {
    const folder = join(root, 'imagesTr', `${id}_0000`);
    makeSeries({ out: folder, shape: SIZE, spacing: [0.8, 0.7, 2.5], ...spec });
    const { volume, files } = await readDicomSeries(folder);
    const data = Uint8Array.from(volume.data, (_, i) => (i >= 56 && i < 168 ? (i % 3 === 0 ? 2 : 1) : 0));
    const labels = createVolume({ data, shape: volume.shape, affine: volume.affine });
    const classes = CLASSES.map((name, index) => ({ index, name, colour: labelColour(index) }));
    await writeDicomSegmentation(join(root, `labelsTr/${id}.dcm`), labels, { classes, files });
    return labels;
  }

  it('folders as images, segmentations as labels on the grid of the CT', async () => {
    const root = rootWith({});
    const labels = await addCase(root, 'p1');
    await addCase(root, 'p2', { orientation: [0, 1, 0, 0, 0, -1] });
    const dataset = await open({ root, ...WHOLE });
    expect(dataset.splits.labelled).toEqual(['p1', 'p2']);
    const { image, label } = await dataset.readCase('p1', 'labelled');
    expect(image.data).toEqual(patternOf(SIZE));
    expect(label!.data).toEqual(labels.data);
    expect(await report({ root })).toEqual([
      'warning ./imagesTr/p2_0000: has the same voxels as ./imagesTr/p1_0000 (case "p1")',
    ]);
  });

  it('labels in other formats, on the grid of the CT or refused', async () => {
    const root = rootWith({});
    const labels = await addCase(root, 'p1');
    await addCase(root, 'p2', { origin: [0, 0, 0] });
    renameSync(join(root, 'labelsTr/p1.dcm'), join(temporaryFolder(), 'p1.dcm'));
    await writeNifti(join(root, 'labelsTr/p1.nii.gz'), labels);
    const dataset = await open({ root, ...WHOLE });
    expect((await dataset.readCase('p1', 'labelled')).label!.data).toEqual(labels.data);
    await writeNifti(join(root, 'labelsTr/p1.nii.gz'), flip(labels, [true, false, false]));
    await expect(dataset.readCase('p1', 'labelled')).rejects.toMatchObject({ code: 'DMX_VOLUME_GRID' });
  });

  it('a slice that is exchanged, added or lost is noticed', async () => {
    const root = rootWith({});
    await addCase(root, 'p1');
    const dataset = await open({ root, ...WHOLE });
    const stamp = async () => (await dataset.identify!('p1', 'labelled')).stamp;
    const folder = join(root, 'imagesTr/p1_0000');
    const before = await stamp();
    expect(await stamp()).toBe(before);
    const [name] = readdirSync(folder);
    utimesSync(join(folder, name!), new Date(), new Date(2031, 1, 1));
    const touched = await stamp();
    expect(touched).not.toBe(before);
    renameSync(join(folder, name!), join(temporaryFolder(), 'gone'));
    expect(await stamp()).not.toBe(touched);
  });

  it('gaps, several series and segments that are no class are listed by the check', async () => {
    const root = rootWith({});
    await addCase(root, 'p1');
    await addCase(root, 'p2', { origin: [0, 0, 0] });
    makeSeries({
      out: join(root, 'imagesTr/gap_0000'),
      shape: [6, 8, 7],
      spacing: [1, 1, 2],
      skip: [3],
      origin: [0, 1, 0],
    });
    for (const series of ['1.2.3', '1.2.4']) {
      const out = temporaryFolder();
      makeSeries({ out, shape: [3, 8, 7], spacing: [1, 1, 2], series, description: series });
      mkdirSync(join(root, 'imagesTr/two_0000'), { recursive: true });
      for (const name of readdirSync(out))
        renameSync(join(out, name), join(root, `imagesTr/two_0000/${series}${name}`));
    }
    writeFileSync(join(root, 'imagesTr/p1_0000/notes.txt'), 'x');
    const document = { ...DOCUMENT, labels: { background: 0, liver: 1, pancreas: 2 } };
    const found = (await report({ root })).join('\n');
    expect(found).toMatch(/warning \.\/imagesTr\/p1_0000: ignored .*notes\.txt, which is not DICOM/);
    expect(found).toMatch(/error \.\/imagesTr\/gap_0000\/\S+: the slices are 2 mm apart, but 4 mm between/);
    expect(found).toMatch(/error \.\/imagesTr\/two_0000: holds 2 series:\n {2}1\.2\.3 "1\.2\.3" CT, 3 slices/);
    writeFileSync(join(root, 'dataset.json'), JSON.stringify(document));
    const chosen = (await report({ root, series: { two_0000: '1.2.4' } })).join('\n');
    expect(chosen).not.toContain('two_0000: holds');
    expect(chosen).toContain('has the segment "spleen", which is no class: liver, pancreas');
  });
});
