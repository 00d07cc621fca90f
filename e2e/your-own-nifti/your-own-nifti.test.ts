import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { dinomix } from '../support/command.js';

const EXAMPLE = fileURLToPath(new URL('../../examples/05-your-own-nifti/', import.meta.url));
const PYTHON = '/usr/bin/python3';

/** Why the example cannot run here; null where it can. */
function whatIsMissing(): string | null {
  if (!existsSync('/usr/share/mricron/templates/aal.nii.gz')) return 'apt-get install mricron-data';
  if (spawnSync(PYTHON, ['-c', 'import nibabel']).status !== 0) return 'apt-get install python3-nibabel';
  return null;
}

/** What nibabel says of two files: shapes, affines, classes, and the text of the extensions of the first. */
const LOOK = `
import json, sys, nibabel, numpy
a, b = map(nibabel.load, sys.argv[1:])
labels = numpy.asanyarray(a.dataobj)
print(json.dumps({
  'shapes': [a.shape, b.shape], 'affines': [a.affine.tolist(), b.affine.tolist()], 'type': str(a.get_data_dtype()),
  'codes': [[int(i.header['sform_code']), int(i.header['qform_code'])] for i in (a, b)], 'most': int(labels.max()),
  'text': ''.join(e.get_content().decode() if isinstance(e.get_content(), bytes) else str(e.get_content()) for e in a.header.extensions)}))
`;

it('the example trains on real MRI; nibabel finds the prediction on the grid of its input, with the names of the labels', async (ctx) => {
  const missing = whatIsMissing();
  if (missing !== null) {
    console.info(`skipped: real MRI is not installed here (${missing})`);
    return ctx.skip();
  }
  const folder = await mkdtemp(join(tmpdir(), 'dinomix-example-'));
  try {
    execFileSync(process.execPath, [join(EXAMPLE, 'prepare.mjs'), '--out', join(folder, 'data')], { stdio: 'pipe' });
    await copyFile(join(EXAMPLE, 'dinomix.config.ts'), join(folder, 'dinomix.config.ts'));
    await symlink(join(EXAMPLE, 'node_modules'), join(folder, 'node_modules'));
    const check = await dinomix(folder, 'data', 'check');
    expect({ code: check.code, out: check.out }).toMatchObject({ code: 0, out: expect.stringContaining('0 errors') });
    const brief = ['--set', 'train.epochs=1', '--set', 'train.stepsPerEpoch=4'];
    const trained = await dinomix(folder, 'train', ...brief, '--json');
    expect({ code: trained.code, err: trained.err }).toMatchObject({ code: 0 });
    const losses = [...trained.out.matchAll(/"type":"step".*?"loss":([0-9.]+)/g)].map((match) => Number(match[1]));
    expect(losses).toHaveLength(4);
    expect(losses[3]).toBeLessThan(losses[0]!);
    const run = 'runs/your-own-nifti-seed0';
    expect((await dinomix(folder, 'export', run)).code).toBe(0);
    const input = join(folder, 'data/imagesTs/right-test_0000.nii.gz');
    const output = join(folder, 'labels.nii.gz');
    const predicted = await dinomix(folder, 'predict', input, '--run', run, '--out', output);
    expect({ code: predicted.code, err: predicted.err }).toMatchObject({ code: 0 });
    const seen = JSON.parse(execFileSync(PYTHON, ['-c', LOOK, output, input], { encoding: 'utf8' }));
    expect(seen.shapes[0]).toEqual(seen.shapes[1]);
    expect(seen.affines[0]).toEqual(seen.affines[1]);
    expect(seen.codes[0]).toEqual(seen.codes[1]);
    expect(seen.type).toBe('uint8');
    expect(seen.most).toBeLessThanOrEqual(12);
    for (const name of ['cerebellum', 'hippocampus', 'amygdala']) expect(seen.text).toContain(name);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 300_000);
