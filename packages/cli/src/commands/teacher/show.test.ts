import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Affine, createVolume, type Triple, writeNifti } from '@dinomix/volume';
import { beforeEach, describe, expect, it } from 'vitest';
import { patchMeanModel } from '../../../../../plugins/teacher-dinov3/test/models.js';
import { dinomix, projectOf, temporaryFolder } from '../../../test/harness.js';

const dinov3 = {
  provides: ['teacher:dinov3'],
  load: () => import('../../../../../plugins/teacher-dinov3/src/index.js'),
};
const html = { provides: ['reporter:html'], load: () => import('../../../../../plugins/reporter-html/src/index.js') };
const CONFIG = fileURLToPath(new URL('../../../test/teacher-project/dinomix.config.ts', import.meta.url));

let folder: string;
const show = (...args: readonly string[]) => {
  const packages = projectOf(folder, { '@dinomix/teacher-dinov3': dinov3, '@dinomix/reporter-html': html });
  return dinomix(['teacher', 'show', ...args], { folder, packages });
};

/** Axes to the left, to posterior, to superior, as most DICOM series become. */
const LPS: Affine = [
  [-1, 0, 0, 40],
  [0, -1, 0, 25],
  [0, 0, 2, -7],
  [0, 0, 0, 1],
];
const SHAPE: Triple = [16, 32, 48];

beforeEach(async () => {
  folder = temporaryFolder();
  // In LPS: bright in the superior half, anterior (small y), right (small x).
  const data = Int16Array.from({ length: 16 * 32 * 48 }, (_, i) => {
    const [z, y, x] = [Math.floor(i / 1536), Math.floor(i / 48) % 32, i % 48];
    return z >= 8 && y < 16 && x < 16 ? 160 : -100;
  });
  await writeNifti(join(folder, 'scan.nii.gz'), createVolume({ data, shape: SHAPE, affine: LPS }));
  writeFileSync(join(folder, 'mean.onnx'), await patchMeanModel());
});

/** What the page says about the voxel that it begins with. */
function dataOf(page: string): {
  readonly named: readonly number[];
  readonly tokens: Int8Array;
  readonly scales: Float32Array;
} {
  const data = JSON.parse(/id="data">(.*?)<\/script>/s.exec(readFileSync(page, 'utf8'))![1]!);
  return {
    ...data,
    tokens: new Int8Array(Buffer.from(data.tokens, 'base64')),
    scales: new Float32Array(new Uint8Array(Buffer.from(data.scales, 'base64')).buffer),
  };
}

describe('dinomix teacher show', () => {
  it('draws a file in RAS without a config, and finds a voxel of the file by its own indices', async () => {
    const { code, out, err } = await show(
      'scan.nii.gz',
      '--model',
      'mean.onnx',
      '--voxel',
      '12,3,4',
      '--window',
      '-160,240',
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const made = join(folder, 'teacher-scan');
    expect(readdirSync(made).sort()).toEqual(['components.png', 'cosine-12-3-4.png', 'tokens.html']);
    expect(out).toMatch(
      /^teacher: mean\.onnx, sha256 [0-9a-f]{12}\n2 layers of 4 x 6 tokens, 3 channels; first components 100\.0 %/,
    );
    const { named, tokens, scales } = dataOf(join(made, 'tokens.html'));
    // Layer 1 of 4 x 6 tokens: anterior is up, right on the left. The voxel is 3 of 32 from anterior and 4 of 48 from right.
    expect(named).toEqual([24 + 0 * 6 + 0]);
    // The window maps 160 HU to 0.8 and -100 HU to 0.15; the model normalises red by 0.485 and 0.229.
    const red = (token: number): number => tokens[3 * token]! * scales[token]!;
    expect(red(24)).toBeCloseTo((0.8 - 0.485) / 0.229, 1);
    expect(red(24 + 23)).toBeCloseTo((0.15 - 0.485) / 0.229, 1);
    expect(red(0)).toBeCloseTo((0.15 - 0.485) / 0.229, 1);
  });

  it('says that random weights are none of DINOv3', async () => {
    const { code, out } = await show('scan.nii.gz', '--foreground', '-o', 'here', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ provenance: 'teacher: random control weights, not DINOv3', report: null });
    expect(readFileSync(join(folder, 'here', 'tokens.html'), 'utf8')).toContain('not DINOv3');
  });

  it('takes a case, its preprocessing and the options of the teacher from a config', async () => {
    mkdirSync(join(folder, 'images'));
    mkdirSync(join(folder, 'labels'));
    const grid = { shape: [4, 5, 6], spacing: [3, 1.5, 1.5] } as const;
    const image = Int16Array.from({ length: 120 }, (_, i) => i);
    for (const id of ['a', 'b']) {
      await writeNifti(join(folder, 'images', `${id}.nii`), createVolume({ data: image, ...grid }));
      await writeNifti(join(folder, 'labels', `${id}.nii`), createVolume({ data: new Uint8Array(120), ...grid }));
    }
    const config = ['-c', CONFIG, '--set', `dataset.folder.root=${folder}`];
    const { code, out, err } = await show('--case', 'b', ...config, '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    // 4 x 4 x 4 voxels, a layer for 2 slices, 8 pixels for a voxel and 16 for a patch.
    expect(JSON.parse(out)).toMatchObject({ cells: [2, 2, 2], channels: 12 });
    const other = await show('--case', 'c', ...config);
    expect(other.code).toBe(2);
    expect(other.err).toContain('a case of Folder <1>: a, b');
    const sagittal = await show(join(folder, 'images', 'a.nii'), ...config, '--axis', 'sagittal', '--json');
    expect(JSON.parse(sagittal.out)).toMatchObject({
      cells: [2, 2, 2],
      page: join(folder, 'teacher-a', 'tokens.html'),
    });
  });

  it('puts page and picture into the report of a run', async () => {
    const run = join(folder, 'runs', 'one');
    mkdirSync(run, { recursive: true });
    writeFileSync(join(run, 'record.json'), '{}');
    const before = await show('scan.nii.gz', '--into', 'runs/one');
    expect(before.out).toContain('in the report after: npx dinomix report runs/one');
    const event = { time: '2026-01-01T00:00:00.000Z', type: 'warning', message: 'odd', plugin: null };
    writeFileSync(join(run, 'events.jsonl'), `${JSON.stringify(event)}\n`);
    const { code, out } = await show('scan.nii.gz', '--into', 'runs/one', '--voxel', '1,2,3');
    expect(code).toBe(0);
    expect(out.trimEnd().split('\n').at(-1)).toBe(join(run, 'report.html'));
    const report = readFileSync(join(run, 'report.html'), 'utf8');
    expect(report).toContain('<a href="pages/teacher-scan/tokens.html">What the teacher sees: scan</a>');
    expect(report).toContain('teacher: random control weights, not DINOv3. First three principal components');
    // Components, and the cosine with the voxel.
    expect(report.match(/<img class="sheet" alt="" src="data:image\/png;base64,/g)).toHaveLength(2);
  });

  it.each([
    [[], 'No volume was named'],
    [['scan.nii.gz', '--case', 'a'], 'Both a file and --case'],
    [['scan.nii.gz', '--into', 'nowhere'], 'DMX_CLI_RUN_FOLDER'],
    [['scan.nii.gz', '--into', '.', '-o', 'x'], 'Both --out and --into'],
    [['scan.nii.gz', '--voxel', '1,2'], 'Expected three whole numbers z,y,x'],
    [['scan.nii.gz', '--voxel', '16,0,0'], 'The voxel 16,0,0 is not in the volume'],
    [['scan.nii.gz', '--window', '5,1'], 'black below white'],
    [['nowhere.nii.gz'], 'DMX_FILE_READ'],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await show(...args);
    expect(err).toContain(message);
    expect(code).toBeGreaterThan(0);
    expect(existsSync(join(folder, 'teacher-scan'))).toBe(false);
  });
});
