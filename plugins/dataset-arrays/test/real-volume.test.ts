import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { countLabels } from '@dinomix/volume';
import { expect, test } from 'vitest';
import { openOf } from './build.js';

const PYTHON = '/usr/bin/python3';

/** Why the test cannot run here; null where it can. */
function whatIsMissing(): string | null {
  if (!existsSync('/usr/share/mricron/templates/aal.nii.gz')) return 'apt-get install mricron-data';
  if (spawnSync(PYTHON, ['-c', 'import nibabel, h5py']).status === 0) return null;
  return 'apt-get install python3-nibabel python3-h5py';
}

const sha = (data: NodeJS.TypedArray) => createHash('sha256').update(data).digest('hex');

test('a real MRI and its 116 labels, written by numpy and h5py, come back voxel by voxel', async (ctx) => {
  const missing = whatIsMissing();
  if (missing !== null) {
    console.info(`skipped: no real volume, or no numpy and h5py to write it (${missing})`);
    return ctx.skip();
  }
  const root = await mkdtemp(join(tmpdir(), 'dinomix-real-arrays-'));
  try {
    const script = fileURLToPath(new URL('write_real.py', import.meta.url));
    const seen = JSON.parse(execFileSync(PYTHON, [script, root], { encoding: 'utf8' }));
    const classes = Array.from({ length: 117 }, (_, value) => `region ${value}`);
    for (const [folder, axes] of [
      ['zyx', 'zyx'],
      ['xyz', 'xyz'],
      ['xyz-fortran', 'xyz'],
      ['h5', null],
    ] as const) {
      const dataset = await openOf({ root, folder, axes, classes, recipe: 'stored', split: 'drawn' });
      const { image, label } = await dataset.readCase('ch2', 'labelled');
      expect([folder, image.shape, sha(image.data as Float32Array)]).toEqual([folder, seen.shape, seen.image]);
      expect([folder, sha(label!.data)]).toEqual([folder, seen.label]);
      expect([...countLabels(label!.data, 117)]).toEqual(seen.counts);
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
