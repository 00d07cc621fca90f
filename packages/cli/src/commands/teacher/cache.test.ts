import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createVolume, writeNifti } from '@dinomix/volume';
import { describe, expect, it } from 'vitest';
import { dinomix, temporaryFolder } from '../../../test/harness.js';
import { main } from '../../main.js';

const CONFIG = fileURLToPath(new URL('../../../test/data-project/dinomix.config.ts', import.meta.url));

/** The labelled case "a" and the validation case "b" of 120 voxels. */
async function project() {
  const root = temporaryFolder();
  for (const part of ['images', 'labels']) mkdirSync(join(root, part));
  const grid = { shape: [4, 5, 6], spacing: [3, 1.5, 1.5] } as const;
  for (const id of ['a', 'b']) {
    const image = Int16Array.from({ length: 120 }, (_, i) => i);
    await writeNifti(join(root, 'images', `${id}.nii`), createVolume({ data: image, ...grid }));
    await writeNifti(join(root, 'labels', `${id}.nii`), createVolume({ data: new Uint8Array(120), ...grid }));
  }
  const run = join(root, 'runs', 'first');
  const args = ['teacher', 'cache', '-c', CONFIG, '--workers', '0', '-o', run, '--set', `dataset.folder.root=${root}`];
  return { kept: join(root, 'runs', '.cache', 'keeper'), args };
}

describe('dinomix teacher cache', () => {
  it('prints size and time first, fills, and the second time finds everything there', async () => {
    const { kept, args } = await project();
    const plan = [
      'teacher:keeper (sums)',
      `  folder  ${kept}`,
      '  cases   1, 0 of them there already',
      '  each    3.1 MB and 2.50 s with 0 workers, judged by one of 4x4x4 voxels',
      '  size    about 3.1 MB of 20.00 GB that the option "limitGb" allows; free 500.00 GB',
      '  time    about 4 min 10 s',
      '',
    ].join('\n');
    expect(await dinomix([...args, '--dry-run'])).toEqual({ code: 0, err: '', out: plan });
    expect(existsSync(kept)).toBe(false);
    expect(await dinomix(args)).toEqual({
      code: 0,
      err: '',
      out: `${plan}teacher:keeper: 1 case computed, 0 there already, 0 s: ${kept}\n`,
    });
    expect(readFileSync(join(kept, 'a'), 'utf8')).toBe('64');
    const [report] = JSON.parse((await dinomix([...args, '--json'])).out);
    expect(report).toMatchObject({ teacher: 'teacher:keeper', kept: 1, computed: 0, plan: { present: ['a'] } });
  });

  it('tells how far it is and how long it will take', async () => {
    const { args } = await project();
    const written: string[] = [];
    const err = (text: string) => void written.push(text);
    const terminal = { out: () => {}, err, isScreen: true, columns: () => 80 };
    await main(args, { terminal, signal: new AbortController().signal });
    expect(written.join('')).toMatch(/case 1 of 1: a, 0 s left/);
  });

  it('names the option where no teacher keeps anything', async () => {
    const { args } = await project();
    const { code, err } = await dinomix([...args, '--off', 'teacher']);
    expect(code).toBe(1);
    expect(err).toContain('DMX_TEACHER_CACHE');
    expect(err).toContain('It has no teacher.');
  });
});
