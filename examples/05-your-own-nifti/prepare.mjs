// Makes a data set in the nnU-Net raw layout from a real brain MRI with a real atlas: ch2 and AAL of Debian's mricron-data.
// The left hemisphere is the labelled case. The right one is mirrored, so that it looks like a left one: it trains without
// label, and its label serves for the test.
import { access, mkdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import {
  assertSameGrid,
  countLabels,
  crop,
  flipInPlace,
  planReorientation,
  readNifti,
  reorient,
  writeFileAtomic,
  writeNifti,
} from '@dinomix/volume';

const TEMPLATES = '/usr/share/mricron/templates';
const INSTALL = 'apt-get install -y --no-install-recommends mricron-data';

// Structures from large to small: label value is place + 1. Each takes the AAL regions whose names begin like this.
export const STRUCTURES = [
  ['cerebellum', ['Cerebelum_']],
  ['cingulate gyrus', ['Cingulum_']],
  ['precuneus', ['Precuneus_']],
  ['fusiform gyrus', ['Fusiform_']],
  ['insula', ['Insula_']],
  ['thalamus', ['Thalamus_']],
  ['putamen', ['Putamen_']],
  ['parahippocampal gyrus', ['ParaHippocampal_']],
  ['caudate nucleus', ['Caudate_']],
  ['hippocampus', ['Hippocampus_']],
  ['pallidum', ['Pallidum_']],
  ['amygdala', ['Amygdala_']],
];

/** Returns the AAL regions: name by value. Lines are `1 Precentral_L 2001`. */
async function readRegions(file) {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line.trim() !== '');
  return new Map(
    lines.map((line) => {
      const [value, name] = line.trim().split(/\s+/);
      return [Number(value), name];
    }),
  );
}

/** Returns the new label for each AAL value: 0 for regions of the other side and those that are not taken. */
function mergeTable(regions, side) {
  const table = new Uint8Array(256);
  for (const [place, [structure, prefixes]] of STRUCTURES.entries()) {
    const taken = [...regions].filter(
      ([, name]) => name.endsWith(`_${side}`) && prefixes.some((p) => name.startsWith(p)),
    );
    if (taken.length === 0) throw new Error(`the atlas has no region for "${structure}" on side ${side}`);
    for (const [value] of taken) table[value] = place + 1;
  }
  return table;
}

/** Reads a file and turns it to RAS+ axes. */
async function readTurned(file) {
  const { volume } = await readNifti(file);
  return reorient(volume, planReorientation(volume));
}

/** Returns one hemisphere on the grid of the left one; the right one is mirrored across the midline. */
function hemisphere(volume, side) {
  const [depth, height, width] = volume.shape;
  // The slice at x = 0 mm belongs to both.
  const midline = Math.round(-volume.affine[0][3] / volume.affine[0][0]);
  const size = Math.min(midline + 1, width - midline);
  const box = (start) => ({ offset: [0, 0, start], shape: [depth, height, size] });
  const left = crop(volume, box(midline + 1 - size));
  if (side === 'L') return left;
  const right = crop(volume, box(midline));
  flipInPlace(right.data, right.shape, [false, false, true]);
  return { ...left, data: right.data };
}

function relabel(atlas, table) {
  return { ...atlas, data: Uint8Array.from(atlas.data, (value) => table[value]) };
}

async function assertInstalled(templates) {
  for (const name of ['ch2.nii.gz', 'aal.nii.gz', 'aal.nii.txt']) {
    await access(join(templates, name)).catch(() => {
      throw new Error(`${join(templates, name)} is not there.\n  fix  ${INSTALL}, or name the folder with --templates`);
    });
  }
}

/**
 * Writes the data set: imagesTr/left_0000 with labelsTr/left, imagesTr/right_0000 without label, imagesTs/right-test_0000
 * with labelsTs/right-test, dataset.json.
 *
 * @returns the voxels of each structure, by case
 */
export async function prepare({ templates = TEMPLATES, out }) {
  await assertInstalled(templates);
  const regions = await readRegions(join(templates, 'aal.nii.txt'));
  const image = await readTurned(join(templates, 'ch2.nii.gz'));
  const atlas = await readTurned(join(templates, 'aal.nii.gz'));
  assertSameGrid(image, atlas, { first: 'ch2.nii.gz', second: 'aal.nii.gz' });
  const names = new Map([[0, 'background'], ...STRUCTURES.map(([name], place) => [place + 1, name])]);
  const put = async (name, volume, options) => {
    const file = join(out, name);
    await mkdir(dirname(file), { recursive: true });
    await writeNifti(file, volume, { spaceCode: 4, ...options });
  };
  const voxels = {};
  for (const [id, side, part, label] of [
    ['left', 'L', 'Tr', true],
    ['right', 'R', 'Tr', false],
    ['right-test', 'R', 'Ts', true],
  ]) {
    await put(`images${part}/${id}_0000.nii.gz`, hemisphere(image, side));
    if (!label) continue;
    const merged = relabel(hemisphere(atlas, side), mergeTable(regions, side));
    await put(`labels${part}/${id}.nii.gz`, merged, { labelNames: names });
    voxels[id] = [...countLabels(merged.data, names.size)];
  }
  const document = {
    name: 'ch2 with AAL, hemispheres',
    licence: 'ch2 and AAL: research use, see /usr/share/doc/mricron-data/copyright',
    channel_names: { 0: 'T1' },
    labels: Object.fromEntries([...names].map(([value, name]) => [name, value])),
    numTraining: 1,
    file_ending: '.nii.gz',
  };
  await writeFileAtomic(join(out, 'dataset.json'), `${JSON.stringify(document, null, 2)}\n`);
  return voxels;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: { templates: { type: 'string', default: TEMPLATES }, out: { type: 'string', default: 'data' } },
  });
  try {
    const voxels = await prepare({ templates: values.templates, out: resolve(values.out) });
    console.log(`Written to ${resolve(values.out)}. Voxels of 1 mm^3:`);
    for (const [place, [name]] of STRUCTURES.entries()) {
      const [left, right] = [voxels.left[place + 1], voxels['right-test'][place + 1]];
      console.log(`  ${name.padEnd(22)} left ${String(left).padStart(6)}   right ${String(right).padStart(6)}`);
    }
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
