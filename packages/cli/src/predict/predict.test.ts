import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  type Affine,
  createVolume,
  planReorientation,
  readNifti,
  reorient,
  type Triple,
  writeNifti,
} from '@dinomix/volume';
import { beforeEach, describe, expect, it } from 'vitest';
import { dinomix, projectOf, temporaryFolder } from '../../test/harness.js';
import { calls, threshold } from '../../test/threshold-backend.js';
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
    normalisation: { steps: [{ kind: 'clip', low: -100, high: 300 }, { kind: 'min-max' }], display: [0, 1] },
  },
  ...ANY_IMAGES,
  patch: [4, 6, 8],
  padValue: 0,
  inference: { stride: null, overlap: 0.5, blending: 'gaussian', batch: 3, mirror: [] },
};

// Axes i, j, k point to L, S and A, tilted but square to each other: (-8, 4, 1), (-1, -4, 8) and (4, 7, 4), scaled.
const OBLIQUE: Affine = [
  [-1, -0.1875, 1, 90.5],
  [0.5, -0.75, 1.75, -126.25],
  [0.125, 1.5, 1, -72.75],
  [0, 0, 0, 1],
];
const SHAPE: Triple = [7, 9, 11];
const intensities = Int16Array.from({ length: 7 * 9 * 11 }, (_, index) => ((index * 7919) % 1000) - 400);

let folder: string;
let network: string;
const run = (...args: string[]) => {
  const module = { provides: ['backend:onnxruntime'], load: async () => ({ threshold }) };
  return dinomix(args, { folder, packages: projectOf(folder, { '@dinomix/backend-onnxruntime': module }) });
};

function writeNetwork(facts: NetworkFacts, extra: Record<string, string> = {}): void {
  writeFileSync(network, JSON.stringify({ ...encodeFacts(facts), ...extra }));
}

const writeImage = (name: string, affine = OBLIQUE, version: 1 | 2 = 1) =>
  writeNifti(join(folder, name), createVolume({ data: intensities, shape: SHAPE, affine }), { version, spaceCode: 4 });

beforeEach(() => {
  folder = temporaryFolder();
  network = join(folder, 'net.onnx');
  writeNetwork(FACTS);
  calls.length = 0;
});

describe('dinomix predict', () => {
  it('gives back the grid, the axes and the matrix of the file, bit for bit, with label names', async () => {
    await writeImage('in.nii.gz');
    const { code, out, err } = await run('predict', 'in.nii.gz', '-n', 'net.onnx', '-o', 'out.nii.gz', '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const { volume, labelNames } = await readNifti(join(folder, 'out.nii.gz'));
    // Clipped to -100..300 and scaled to 0..1, one half is 100 HU.
    const expected = Uint8Array.from(intensities, (value) => (value > 100 ? 1 : 0));
    expect(volume.data).toEqual(expected);
    expect(labelNames).toEqual(
      new Map([
        [0, 'background'],
        [1, 'left adrenal gland'],
      ]),
    );
    const [before, after] = ['in', 'out'].map((name) => gunzipSync(readFileSync(join(folder, `${name}.nii.gz`))));
    // nifti1.h: dim at 40, pixdim at 76, qform_code to srow_z at 252 to 328.
    for (const [from, to] of [
      [40, 56],
      [76, 108],
      [252, 328],
    ] as const) {
      expect(after!.subarray(from, to)).toEqual(before!.subarray(from, to));
    }
    const voxels = expected.reduce((sum, value) => sum + value, 0);
    const [prediction] = JSON.parse(out).predictions;
    expect(prediction.classes['left adrenal gland'].voxels).toBe(voxels);
    // The axes are 9/8, 27/16 and 9/4 mm long.
    const millilitres = (voxels * 1.125 * 1.6875 * 2.25) / 1000;
    expect(prediction.classes['left adrenal gland'].millilitres).toBeCloseTo(millilitres, 3);
  });

  it('tells the axes of an image that the network takes as they are', async () => {
    await writeImage('in.nii.gz');
    const notes = async () => {
      const { out } = await run('predict', 'in.nii.gz', '-n', 'net.onnx', '-o', 'out.nii.gz', '--json', '--force');
      return JSON.parse(out).predictions[0].notes;
    };
    expect(await notes()).toEqual([]);
    writeNetwork({ ...FACTS, preprocessing: { ...FACTS.preprocessing, orientation: 'keep' } });
    expect(await notes()).toEqual([expect.stringContaining('as the file has them, LSA')]);
  });

  it('turns an image to the axes that the network learned from, and the labels back', async () => {
    const image = createVolume({ data: intensities, shape: SHAPE, affine: OBLIQUE });
    const plan = planReorientation(image, 'RPI');
    await writeNifti(join(folder, 'lsa.nii.gz'), image);
    await writeNifti(join(folder, 'rpi.nii.gz'), reorient(image, plan));
    const preprocessing = { ...FACTS.preprocessing, orientation: 'keep' } as const;
    const predicted = async (name: string) => {
      const { out } = await run('predict', `${name}.nii.gz`, '-n', 'net.onnx', '-o', 'out.nii.gz', '--json', '--force');
      const { volume } = await readNifti(join(folder, 'out.nii.gz'));
      return { volume, notes: JSON.parse(out).predictions[0].notes };
    };
    const differing = async () => {
      const [lsa, rpi] = [await predicted('lsa'), await predicted('rpi')];
      expect(rpi.volume.shape).toEqual(plan.target.shape);
      const same = reorient(lsa.volume, plan).data;
      return { notes: rpi.notes, count: rpi.volume.data.filter((label, index) => label !== same[index]).length };
    };
    writeNetwork({ ...FACTS, preprocessing, axes: 'LSA' }, { sided: 'yes' });
    expect(await differing()).toEqual({ notes: [expect.stringContaining('turned from RPI to LSA')], count: 0 });
    writeNetwork({ ...FACTS, preprocessing }, { sided: 'yes' });
    expect((await differing()).count).toBeGreaterThan(50);
  });

  /** `in.nii`: two volumes along a fourth axis, the second of which is that of `second.nii`. */
  async function writeFourAxes(): Promise<void> {
    await writeImage('second.nii');
    const second = readFileSync(join(folder, 'second.nii'));
    const first = Int16Array.from(intensities, (value) => -value);
    const content = Buffer.concat([second.subarray(0, 352), Buffer.from(first.buffer), second.subarray(352)]);
    // nifti1.h: dim at 40.
    content.writeInt16LE(4, 40);
    content.writeInt16LE(2, 40 + 2 * 4);
    writeFileSync(join(folder, 'in.nii'), content);
  }

  it.each([
    ['the volume that the network learned from', 1, []],
    ['another where told to', 0, ['--frame', '1']],
    ['one where the network learned from three axes', undefined, ['--frame', '1']],
  ])('takes of a file with four axes %s', async (_, frame, args) => {
    await writeFourAxes();
    writeNetwork({ ...FACTS, reading: { ...READING, frame: frame ?? null } });
    const { code, out, err } = await run('predict', 'in.nii', '-n', 'net.onnx', '-o', 'out.nii', '--json', ...args);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out).predictions[0].notes).toEqual(['read volume 1, from 0, of the 2 along its fourth axis']);
    await run('predict', 'second.nii', '-n', 'net.onnx', '-o', 'alone.nii', '--frame', '0');
    // But for nifti1.h's descrip, 80 bytes at 148, which tells how the image was read.
    const fileOf = (name: string) => readFileSync(join(folder, name)).fill(0, 148, 228);
    expect(fileOf('out.nii')).toEqual(fileOf('alone.nii'));
    const { volume } = await readNifti(join(folder, 'out.nii'));
    expect(volume.data).toEqual(Uint8Array.from(intensities, (value) => (value > 100 ? 1 : 0)));
    await run('predict', 'in.nii', '-n', 'net.onnx', '-o', 'first.nii', '--frame', '0');
    const first = (await readNifti(join(folder, 'first.nii'))).volume;
    expect(first.data).toEqual(Uint8Array.from(intensities, (value) => (-value > 100 ? 1 : 0)));
  });

  it('refuses a fourth axis without a frame, and a frame that is not there', async () => {
    await writeFourAxes();
    const refused = async (name: string, ...args: string[]) => {
      const { code, err } = await run('predict', name, '-n', 'net.onnx', '-o', 'out.nii', ...args);
      expect(code).not.toBe(0);
      expect(existsSync(join(folder, 'out.nii'))).toBe(false);
      return err;
    };
    expect(await refused('in.nii')).toMatch(
      /has 4 axes: 11 x 9 x 7 x 2 voxels\n.*where a frame or channel can be chosen/,
    );
    expect(await refused('in.nii', '--frame', '2')).toMatch(/has 2 volumes along its fourth axis; number 2/);
    expect(await refused('second.nii', '--frame', '1')).toMatch(/has no fourth axis .*; number 1.*\n.*choose frame 0/);
    writeNetwork({ ...FACTS, reading: { ...READING, frame: 1 } });
    expect(await refused('second.nii')).toMatch(/has no fourth axis .*; number 1/);
    expect(await refused('in.nii', '--frame', '-1')).toContain('Expected a whole number from 0');
  });

  it('cuts to the body as in training where the network asks for it', async () => {
    const box = [2, 3, 4] as const;
    const data = new Int16Array(7 * 9 * 11).fill(-1000);
    for (let index = 0; index < data.length; index++) {
      const [z, y, x] = [Math.floor(index / 99), Math.floor(index / 11) % 9, index % 11];
      if ([z, y, x].every((place, axis) => place >= box[axis]! && place < box[axis]! + 3)) data[index] = 300;
    }
    await writeNifti(join(folder, 'in.nii.gz'), createVolume({ data, shape: SHAPE, affine: OBLIQUE }));
    for (const crop of [null, { above: 0, margin: 0 }]) {
      writeNetwork({ ...FACTS, preprocessing: { ...FACTS.preprocessing, crop } });
      const { code, err } = await run('predict', 'in.nii.gz', '--network', network, '-o', 'out.nii.gz', '--force');
      expect({ code, err }).toMatchObject({ code: 0 });
      const { volume } = await readNifti(join(folder, 'out.nii.gz'));
      expect(volume.shape).toEqual(SHAPE);
      const foreground = [...volume.data].filter((label) => label === 1).length;
      // Within the box everything has one intensity, which min-max turns to 0.
      expect(foreground).toBe(crop === null ? 27 : 0);
    }
  });

  it('keeps version 2 and its double precision', async () => {
    const precise = OBLIQUE.map((row) => row.map((value, column) => (column === 3 ? value + 1e-9 : value)));
    precise[3] = [0, 0, 0, 1];
    await writeImage('in.nii', precise as unknown as Affine, 2);
    expect((await run('predict', 'in.nii', '-n', 'net.onnx')).code).toBe(0);
    const { header, grid } = await readNifti(join(folder, 'in_labels.nii.gz'));
    expect(header.version).toBe(2);
    expect(grid.affine[0]![3]).toBeCloseTo(90.500000001, 12);
  });

  it('takes windows, overlap, batch and mirroring from the network and the command line', async () => {
    await writeImage('in.nii');
    // RAS turns the 7 x 9 x 11 voxels to 9 x 7 x 11: 4 x 2 x 2 windows of 4 x 6 x 8 at half overlap.
    await run('predict', 'in.nii', '-n', 'net.onnx');
    expect(calls).toHaveLength(Math.ceil(16 / 3));
    calls.length = 0;
    const args = ['--overlap', '0', '--batch', '2', '--mirror', 'zx', '--blending', 'uniform', '--force'];
    expect((await run('predict', 'in.nii', '-n', 'net.onnx', ...args)).code).toBe(0);
    expect(calls).toEqual(new Array((3 * 2 * 2 * 4) / 2).fill([2, 4, 6, 8, 1]));
  });

  it('refuses windows with voxels between them, of the command line and of the network', async () => {
    await writeImage('in.nii');
    // The windows are 4 x 6 x 8.
    const refused = await run('predict', 'in.nii', '-n', 'net.onnx', '--stride', '4,7,8');
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('--stride 4,7,8 is longer than the windows of 4,6,8');
    expect((await run('predict', 'in.nii', '-n', 'net.onnx', '--stride', '4,6,8')).code).toBe(0);
    writeNetwork({ ...FACTS, inference: { ...FACTS.inference, stride: [5, 6, 8] } });
    const stored = await run('predict', 'in.nii', '-n', 'net.onnx', '--force');
    expect(stored.code).not.toBe(0);
    expect(stored.err).toContain('inference.stride: Expected at most the patch');
  });

  it('predicts a folder, goes on after a bad file and ends with 1', async () => {
    await writeImage('a_0000.nii.gz');
    await writeImage('c.nii');
    mkdirSync(join(folder, 'images'));
    for (const name of ['a_0000.nii.gz', 'c.nii']) {
      writeFileSync(join(folder, 'images', name), readFileSync(join(folder, name)));
    }
    writeFileSync(join(folder, 'images', 'b.nii.gz'), readFileSync(join(folder, 'a_0000.nii.gz')).subarray(0, 300));
    const { code, err } = await run('predict', 'images', '-n', 'net.onnx', '-o', 'labels');
    expect(code).toBe(1);
    expect(readdirSync(join(folder, 'labels')).sort()).toEqual(['a.nii.gz', 'c.nii']);
    expect(err).toContain(join(folder, 'images', 'b.nii.gz'));
    expect(err).toContain('DMX_PREDICT_FAILED  1 of 3 files could not be predicted');
    expect(err.split('DMX_FILE_GZIP').length).toBeLessThan(3);
  });

  it('tells of a single file that fails once', async () => {
    await writeImage('a.nii.gz');
    writeFileSync(join(folder, 'b.nii.gz'), readFileSync(join(folder, 'a.nii.gz')).subarray(0, 300));
    const { code, err } = await run('predict', 'b.nii.gz', '-n', 'net.onnx');
    expect(code).toBe(1);
    expect(err.match(/^DMX_/gm)).toHaveLength(1);
  });

  describe('of the files of a case', () => {
    /** Channel 1 is the image itself, channel 0 its negative. */
    const writeCase = async (stem: string, name = `images/${stem}`) => {
      mkdirSync(join(folder, 'images'), { recursive: true });
      await writeImage(`${name}_0001.nii.gz`);
      const negative = createVolume({ data: intensities.map((value) => -value), shape: SHAPE, affine: OBLIQUE });
      await writeNifti(join(folder, `${name}_0000.nii.gz`), negative);
    };
    const T2 = { ...READING, channel: 1, channelNames: ['T1', 'T2'] };

    it('takes the channel that the network learned from, one label a case', async () => {
      await writeCase('a');
      await writeCase('b');
      writeNetwork({ ...FACTS, reading: T2 });
      const { code, err } = await run('predict', 'images', '-n', 'net.onnx', '-o', 'labels');
      expect(code, err).toBe(0);
      expect(readdirSync(join(folder, 'labels')).sort()).toEqual(['a.nii.gz', 'b.nii.gz']);
      const { volume } = await readNifti(join(folder, 'labels', 'a.nii.gz'));
      expect(volume.data).toEqual(Uint8Array.from(intensities, (value) => (value > 100 ? 1 : 0)));
      expect(err).toContain('read as in training: channel 1 (T2) of each case');
    });

    it('names a case that lacks it, and predicts the others', async () => {
      await writeCase('a');
      await writeImage('images/c_0000.nii.gz');
      writeNetwork({ ...FACTS, reading: T2 });
      const { code, err } = await run('predict', 'images', '-n', 'net.onnx', '-o', 'labels');
      expect(code).toBe(1);
      expect(readdirSync(join(folder, 'labels'))).toEqual(['a.nii.gz']);
      expect(err).toContain('Case "c" has the channels 0, and the network learned from channel 1 (T2).');
    });

    it('refuses the file of another channel and names the right one', async () => {
      await writeCase('a');
      writeNetwork({ ...FACTS, reading: T2 });
      const { code, err } = await run('predict', 'images/a_0000.nii.gz', '-n', 'net.onnx');
      expect(code).toBe(2);
      expect(err).toContain(`name ${join(folder, 'images', 'a_0001.nii.gz')}`);
    });

    it('takes digits that are no channel of the training for a part of the name', async () => {
      await writeImage('shifted_1024.nii.gz');
      const one = { ...READING, channelNames: ['CT'] };
      writeNetwork({ ...FACTS, reading: one });
      expect((await run('predict', 'shifted_1024.nii.gz', '-n', 'net.onnx', '-o', 'labels')).code).toBe(0);
      mkdirSync(join(folder, 'images'));
      for (const name of ['a_0000', 'word_0002', 'word_0005', 'plain']) await writeImage(`images/${name}.nii.gz`);
      const { code, err } = await run('predict', 'images', '-n', 'net.onnx', '-o', 'labels');
      expect(code, err).toBe(0);
      expect(readdirSync(join(folder, 'labels')).sort()).toEqual(
        ['a', 'plain', 'shifted_1024', 'word_0002', 'word_0005'].map((name) => `${name}.nii.gz`),
      );
      expect(err).not.toContain('taken as');
    });

    it('refuses a folder in which such digits may be either', async () => {
      mkdirSync(join(folder, 'images'));
      for (const name of ['vol_0000', 'vol_0001', 'vol_0002']) await writeImage(`images/${name}.nii.gz`);
      writeNetwork({ ...FACTS, reading: { ...READING, channelNames: ['CT'] } });
      const { code, err } = await run('predict', 'images', '-n', 'net.onnx', '-o', 'labels');
      expect(code).toBe(2);
      expect(err).toContain('vol_0000, vol_0001, vol_0002');
      expect(existsSync(join(folder, 'labels'))).toBe(false);
    });

    it('leaves channels out that the training did not have where every case has them', async () => {
      await writeCase('a');
      await writeCase('b');
      writeNetwork({ ...FACTS, reading: { ...READING, channelNames: ['CT'] } });
      const { code, err } = await run('predict', 'images', '-n', 'net.onnx', '-o', 'labels');
      expect(code, err).toBe(0);
      expect(readdirSync(join(folder, 'labels')).sort()).toEqual(['a.nii.gz', 'b.nii.gz']);
      expect(err).toContain('not looked at, for they are of other channels than 0 (CT): a_0001, b_0001');
    });

    it('keeps names that end in four digits where there are no channels', async () => {
      mkdirSync(join(folder, 'images'));
      for (const name of ['vol_0000', 'vol_0001']) await writeImage(`images/${name}.nii.gz`);
      writeNetwork({ ...FACTS, reading: { ...READING, channel: null } });
      expect((await run('predict', 'images', '-n', 'net.onnx', '-o', 'labels')).code).toBe(0);
      expect(readdirSync(join(folder, 'labels')).sort()).toEqual(['vol_0000.nii.gz', 'vol_0001.nii.gz']);
    });
  });

  it('reads as in training: other values in place of NaN', async () => {
    const holed = Float32Array.from(intensities);
    holed[3] = Number.NaN;
    await writeNifti(join(folder, 'in.nii'), createVolume({ data: holed, shape: SHAPE }));
    const args = ['predict', 'in.nii', '-n', 'net.onnx', '-o', 'out.nii'];
    expect((await run(...args)).code).toBe(1);
    expect((await run(...args, '--replace-non-finite', '-300')).code).toBe(0);
    expect((await readNifti(join(folder, 'out.nii'))).volume.data[3]).toBe(0);
    rmSync(join(folder, 'out.nii'));
    writeNetwork({ ...FACTS, reading: { ...READING, replaceNonFinite: 250 } });
    const { code, err } = await run(...args);
    expect(code, err).toBe(0);
    expect((await readNifti(join(folder, 'out.nii'))).volume.data[3]).toBe(1);
    expect(err).toContain('250 in place of intensities that are not finite');
  });

  it('goes on with a folder that is half predicted, for the same network alone', async () => {
    mkdirSync(join(folder, 'images'));
    for (const name of ['a', 'b']) await writeImage(`images/${name}.nii.gz`);
    const args = ['predict', 'images', '-n', 'net.onnx', '-o', 'labels'];
    expect((await run(...args)).code).toBe(0);
    const kept = readFileSync(join(folder, 'labels', 'a.nii.gz'));
    rmSync(join(folder, 'labels', 'b.nii.gz'));
    expect(await run(...args)).toMatchObject({ code: 2, err: expect.stringContaining('--continue') });
    calls.length = 0;
    const { code, out } = await run(...args, '--continue');
    expect({ code, out }).toEqual({ code: 0, out: '1 image predicted, 1 there already\n' });
    expect(calls).toHaveLength(Math.ceil(16 / 3));
    expect(readFileSync(join(folder, 'labels', 'a.nii.gz'))).toEqual(kept);
    const other = await run(...args, '--continue', '--overlap', '0');
    expect(other).toMatchObject({ code: 2, err: expect.stringContaining('was not written by this network') });
  });

  describe('says what data check would', () => {
    const HU = { ...READING, isHu: true };
    const notesOf = async (data: Int16Array, spacing: Triple, facts: NetworkFacts) => {
      await writeNifti(join(folder, 'in.nii'), createVolume({ data, shape: SHAPE, spacing }));
      writeNetwork(facts);
      const { code, out, err } = await run('predict', 'in.nii', '-n', 'net.onnx', '--json', '--force');
      expect(code, err).toBe(0);
      return JSON.parse(out).predictions[0].notes;
    };

    it('of a CT that is shifted by 1024, and of none that is not', async () => {
      const air = intensities.map((value) => value - 600);
      expect(await notesOf(air, [2, 2, 2], { ...FACTS, reading: HU })).toEqual([]);
      const shifted = intensities.map((value) => value + 1024);
      expect(await notesOf(shifted, [2, 2, 2], { ...FACTS, reading: HU })).toEqual([
        expect.stringContaining('it looks shifted by 1024'),
      ]);
      expect(await notesOf(shifted, [2, 2, 2], FACTS)).toEqual([]);
    });

    it('of a spacing in metres', async () => {
      expect(await notesOf(intensities, [0.003, 0.0015, 0.0015], FACTS)).toEqual([
        expect.stringContaining(
          '0.003 x 0.0015 x 0.0015 (z, y, x), which is read as millimetres; no scan of a body has it',
        ),
      ]);
    });

    it('of a field and voxels unlike those of the training', async () => {
      const facts: NetworkFacts = {
        ...FACTS,
        spacing: [
          [3, 1, 1],
          [5, 1, 1],
        ],
        extent: [
          [7, 9, 11],
          [14, 18, 22],
        ],
      };
      expect(await notesOf(intensities, [2, 2, 2], facts)).toEqual([]);
      // 7 x 9 x 11 voxels of 6 mm.
      expect(await notesOf(intensities, [6, 6, 6], facts)).toEqual([
        'has voxels of 6 x 6 x 6 mm (z, y, x), and the labelled images of the training had 3 x 1 x 1 to 5 x 1 x 1',
        'has a field of 42 x 54 x 66 mm (z, y, x), and the labelled images of the training had 7 x 9 x 11 to 14 x 18 x 22',
      ]);
    });
  });

  it('refuses a foreign network and says what was expected', async () => {
    await writeImage('in.nii');
    for (const [content, reason] of [
      ['{}', '"network" is missing'],
      [JSON.stringify({ network: '{"title": 3}' }), 'title: Invalid input'],
      ['no JSON', 'not valid JSON'],
    ] as const) {
      writeFileSync(network, content);
      const { code, err } = await run('predict', 'in.nii', '-n', 'net.onnx');
      expect(code).toBe(1);
      expect(err).toContain(`DMX_NETWORK_FILE  ${network} is not a network that can predict`);
      expect(err).toContain(reason);
      expect(err).toContain('Expected an ONNX file written by "dinomix export"');
    }
    expect((await run('predict', 'in.nii', '-n', 'absent.onnx')).err).toContain('ENOENT');
    expect(existsSync(join(folder, 'in_labels.nii.gz'))).toBe(false);
  });

  it('writes nothing where the network gives NaN', async () => {
    await writeImage('in.nii');
    writeNetwork(FACTS, { broken: 'yes' });
    const { code, err } = await run('predict', 'in.nii', '-n', 'net.onnx');
    expect(code).toBe(1);
    expect(err).toContain('DMX_NETWORK_OUTPUT');
    expect(existsSync(join(folder, 'in_labels.nii.gz'))).toBe(false);
  });

  it('hears Ctrl-C between two windows and leaves nothing behind', async () => {
    await writeImage('in.nii');
    const before = readdirSync(folder).sort();
    const controller = new AbortController();
    // A timer fires only where the thread is not held from the first window to the last.
    const err = (text: string) => {
      if (text.includes('window 1/')) setTimeout(() => controller.abort(new Error('interrupted')));
    };
    const terminal = { out: () => undefined, err, isScreen: true, columns: () => 200 };
    const packages = projectOf(folder, {
      '@dinomix/backend-onnxruntime': { provides: ['backend:onnxruntime'], load: async () => ({ threshold }) },
    });
    const args = ['predict', 'in.nii', '-n', 'net.onnx', '--batch', '1', '--stride', '1,1,1'];
    const { code } = await dinomix(args, { folder, packages, terminal, signal: controller.signal });
    expect(code).toBe(130);
    expect(calls.length).toBeGreaterThan(0);
    expect(calls.length).toBeLessThan(6 * 2 * 4);
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  it('does not write over files unless told to, and never over its input', async () => {
    await writeImage('in.nii');
    writeFileSync(join(folder, 'out.nii'), 'mine');
    const refused = await run('predict', 'in.nii', '-n', 'net.onnx', '-o', 'out.nii');
    expect(refused.code).toBe(2);
    expect(readFileSync(join(folder, 'out.nii'), 'utf8')).toBe('mine');
    const same = await run('predict', 'in.nii', '-n', 'net.onnx', '-o', 'in.nii', '--force');
    expect(same.code).toBe(2);
    expect(same.err).toContain('would replace it');
  });
});

describe('dinomix doctor', () => {
  it('lists what each device of each backend would do, as JSON', async () => {
    const { code, out } = await run('doctor', '--json');
    expect(code).toBe(0);
    const { healthy, backends, findings } = JSON.parse(out);
    expect(healthy).toBe(true);
    expect(backends).toEqual([
      {
        package: '@dinomix/backend-onnxruntime',
        version: '1.0.0',
        devices: [{ device: 'cpu', works: true, note: 'counts voxels' }],
        facts: { kernels: 1 },
        kernels: { native: ['Add'], fallback: ['FFT', 'IFFT'] },
        problem: null,
      },
    ]);
    expect(findings.map(({ check }: { check: string }) => check)).toContain('Node');
  });

  it('counts kernels by where they run, and names them where asked to', async () => {
    expect((await run('doctor')).out).toMatch(
      /ok {4} {2}kernels +1 native, 2 on a slower backend; --verbose names them/,
    );
    const { out } = await run('doctor', '--verbose');
    expect(out).toMatch(/native +Add\n/);
    expect(out).toMatch(/fallback +FFT IFFT\n/);
  });
});
