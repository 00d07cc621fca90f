import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { dinomix } from '../support/command.js';
import { createProject, makeCase, SHAPE } from '../support/small-project.js';

const IDS = ['a', 'b', 'c', 'd'];
const [depth, height, width] = SHAPE;

/** RAS axes of 1 x 1 x 2 mm in the LPS space that NRRD calls its own, by the letter of its specification. */
function nrrd(type: string, data: Float32Array | Uint8Array): Buffer {
  const header =
    `NRRD0004\ntype: ${type}\ndimension: 3\nspace: left-posterior-superior\nsizes: ${width} ${height} ${depth}\n` +
    'space directions: (-1,0,0) (0,-1,0) (0,0,2)\nspace origin: (0,0,0)\nendian: little\nencoding: gzip\n\n';
  return Buffer.concat([Buffer.from(header), gzipSync(Buffer.from(data.buffer))]);
}

/** The same as MetaImage. */
function meta(type: string, data: Float32Array | Uint8Array): Buffer {
  const header =
    'ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n' +
    `TransformMatrix = -1 0 0 0 -1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = 1 1 2\nDimSize = ${width} ${height} ${depth}\n` +
    `ElementType = ${type}\nElementDataFile = LOCAL\n`;
  return Buffer.concat([Buffer.from(header), Buffer.from(data.buffer)]);
}

/** A project with its cases once as NIfTI and once as NRRD images with MetaImage labels. */
async function createBoth(cache: string | null): Promise<string> {
  const options = `root: 'images', split: '../data/split.json', grid: 'keep', cache: ${JSON.stringify(cache)}`;
  const folder = await createProject({
    before: `import { itk } from '@dinomix/dataset-itk';`,
    plugins: `itk({ ${options} })`,
  });
  const root = join(folder, 'images');
  for (const name of ['imagesTr', 'labelsTr']) await mkdir(join(root, name), { recursive: true });
  for (const [number, id] of IDS.entries()) {
    const { image, label } = makeCase(number);
    await writeFile(join(root, `imagesTr/${id}_0000.nrrd`), nrrd('float', image.data as Float32Array));
    if (id !== 'd') await writeFile(join(root, `labelsTr/${id}.mha`), meta('MET_UCHAR', label.data as Uint8Array));
  }
  const { file_ending: _, ...document } = JSON.parse(await readFile(join(folder, 'data/dataset.json'), 'utf8'));
  await writeFile(join(root, 'dataset.json'), JSON.stringify(document));
  return folder;
}

async function run(folder: string, dataset: string, ...args: readonly string[]): Promise<string> {
  const { code, out, err } = await dinomix(folder, ...args, '--use', `dataset=${dataset}`);
  expect({ args, code, err, out }).toMatchObject({ code: 0 });
  return out;
}

async function lossesOf(run: string): Promise<readonly number[]> {
  const events = (await readFile(join(run, 'events.jsonl'), 'utf8')).trimEnd().split('\n');
  return events.map((line) => JSON.parse(line)).flatMap(({ type, loss }) => (type === 'step' ? [loss] : []));
}

it('NRRD images and MetaImage labels train to the bits that the same volumes give as NIfTI', async () => {
  const folder = await createBoth(null);
  expect(await run(folder, 'itk', 'data', 'check')).toContain('0 errors');
  await run(folder, 'nnunet', 'train', '-o', 'nifti');
  await run(folder, 'itk', 'train', '-o', 'itk-run');
  const losses = await lossesOf(join(folder, 'nifti'));
  expect(losses).toHaveLength(2);
  expect(await lossesOf(join(folder, 'itk-run'))).toEqual(losses);
});

it('they are prepared over two threads, once, and again where a file changed', async () => {
  const folder = await createBoth('cache');
  const prepare = async () => {
    const report = JSON.parse(await run(folder, 'itk', 'data', 'prepare', '--workers', '2', '--json'));
    return report.cases.map(({ state }: { readonly state: string }) => state).sort();
  };
  expect(await prepare()).toEqual(['made', 'made', 'made', 'made']);
  expect((await readdir(join(folder, 'cache'))).filter((name) => name.endsWith('.safetensors'))).toHaveLength(4);
  expect(await prepare()).toEqual(['kept', 'kept', 'kept', 'kept']);
  const file = join(folder, 'images/imagesTr/b_0000.nrrd');
  await writeFile(file, nrrd('float', makeCase(9).image.data as Float32Array));
  await utimes(file, new Date(), new Date(2031, 1, 1));
  expect(await prepare()).toEqual(['changed', 'kept', 'kept', 'kept']);
});
