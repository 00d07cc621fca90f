import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createVolume, type Triple, writeNifti } from '@dinomix/volume';
import { describe, expect, it } from 'vitest';
import { dinomix, temporaryFolder } from '../../test/harness.js';
import { main } from '../main.js';
import { frequencyChart, frequencyRows } from './class-frequency.js';

const CONFIG = fileURLToPath(new URL('../../test/data-project/dinomix.config.ts', import.meta.url));
const SHAPE: Triple = [4, 5, 6];

/** Two cases of 120 voxels; each holds 60 of class 1 and 12 of class 2. */
async function project(): Promise<{ readonly root: string; readonly args: readonly string[] }> {
  const root = temporaryFolder();
  for (const part of ['images', 'labels']) mkdirSync(join(root, part));
  for (const [item, id] of ['a', 'b'].entries()) {
    const image = Int16Array.from({ length: 120 }, (_, i) => ((i * 37 + item) % 900) - 400);
    const label = Uint8Array.from({ length: 120 }, (_, i) => (i % 10 === 0 ? 2 : i % 2));
    const spacing: Triple = [3, 1.5, 1.5];
    await writeNifti(join(root, 'images', `${id}.nii`), createVolume({ data: image, shape: SHAPE, spacing }));
    await writeNifti(join(root, 'labels', `${id}.nii`), createVolume({ data: label, shape: SHAPE, spacing }));
  }
  return { root, args: ['-c', CONFIG, '--workers', '0', '--set', `dataset.folder.root=${root}`] };
}

describe('dinomix data prepare', () => {
  it('prepares, and the second time finds everything there', async () => {
    const { root, args } = await project();
    const first = await dinomix(['data', 'prepare', ...args]);
    expect(first).toEqual({
      code: 0,
      err: '',
      out: `2 cases prepared, 0 there already, 0 prepared again because a file changed, 0 left out: ${join(root, 'cache')}\n`,
    });
    expect(readdirSync(join(root, 'cache'))).toHaveLength(3);
    const again = JSON.parse((await dinomix(['data', 'prepare', ...args, '--json'])).out);
    expect(again.cases.map(({ state }: { state: string }) => state)).toEqual(['kept', 'kept']);
  });

  it('tells how far it is and how long it will take', async () => {
    const { args } = await project();
    const written: string[] = [];
    const err = (text: string) => void written.push(text);
    const terminal = { out: () => {}, err, isScreen: true, columns: () => 80 };
    await main(['data', 'prepare', ...args], { terminal, signal: new AbortController().signal });
    const drawn = written.join('');
    expect(drawn).toMatch(/case 1 of 2: a, \d+ s left/);
    expect(drawn).toContain('case 2 of 2: b, 0 s left');
  });

  it('ends at a file that is gone, and goes on without it when told to', async () => {
    const { root, args } = await project();
    rmSync(join(root, 'images', 'a.nii'));
    const stopped = await dinomix(['data', 'prepare', ...args]);
    expect(stopped.code).toBe(1);
    expect(stopped.err).toContain('DMX_CASE_UNUSABLE');
    const { code, out, err } = await dinomix(['data', 'prepare', ...args, '--keep-going']);
    expect(code).toBe(1);
    expect(out).toContain('1 case prepared, 0 there already, 0 prepared again because a file changed, 1 left out');
    expect(err).toContain('a (labelled) is left out: There is no case "a"');
  });

  it('and the check tells of a prepared file whose image has changed since', async () => {
    const { root, args } = await project();
    await dinomix(['data', 'prepare', ...args]);
    const check = () => dinomix(['data', 'check', ...args.filter((arg) => arg !== '--workers' && arg !== '0')]);
    expect((await check()).out).toContain('0 warnings');
    const image = createVolume({ data: new Int16Array(120).fill(7), shape: SHAPE, spacing: [3, 1.5, 1.5] });
    await writeNifti(join(root, 'images', 'a.nii'), image);
    const { code, out } = await check();
    expect(code).toBe(0);
    expect(out).toMatch(
      /warning {2}.*cache\/a\.pair\..* \(case a\)\n {2}why {2}was prepared from an image or label that has changed/,
    );
  });

  it('refuses more threads than a config may ask for', async () => {
    const { args } = await project();
    const { code, err } = await dinomix(['data', 'prepare', ...args, '--workers', '65']);
    expect(code).toBe(2);
    expect(err).toContain('at most 64');
  });

  it('names the option where the data set has no folder for it', async () => {
    const { args } = await project();
    const { code, err } = await dinomix(['data', 'prepare', ...args, '--set', 'dataset.folder.cache=false']);
    expect(code).toBe(1);
    expect(err).toContain('DMX_PREPARE_CACHE');
  });
});

describe('dinomix data fingerprint', () => {
  it('describes shapes, spacings, intensities and classes, and writes them', async () => {
    const { root, args } = await project();
    const { code, out, err } = await dinomix(['data', 'fingerprint', ...args, '-o', join(root, 'out')]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('Folder <1>: 2 cases');
    expect(out).toContain('4 / 4 / 4   5 / 5 / 5   6 / 6 / 6');
    expect(out).toContain('3 / 3 / 3   1.5 / 1.5 / 1.5');
    expect(out).toMatch(/liver +#{30} +120 +83\.33 % +in 2 cases/);
    const written = JSON.parse(readFileSync(join(root, 'out', 'fingerprint.json'), 'utf8'));
    expect(written.classes.map(({ voxels }: { voxels: number }) => voxels)).toEqual([120, 24]);
    expect(written.digest).toMatch(/^[0-9a-f]{64}$/);
    const chart = readFileSync(join(root, 'out', 'classes.svg'), 'utf8');
    expect(chart).toContain('Folder &lt;1&gt;: voxels per class');
    expect(chart).toContain('fill="rgb(10,20,30)"');
  });

  it('draws bars whose length is the logarithm of the count, none for an absent class', () => {
    const one = (name: string, voxels: number) =>
      ({ index: 1, name, colour: [1, 2, 3], voxels, cases: 1, share: 0.5 }) as const;
    const list = [one('most', 10000), one('few', 100), one('none', 0)];
    expect(frequencyRows(list, 8).map(([, bar]) => bar!.trim().length)).toEqual([8, 4, 0]);
    expect(frequencyChart('t', list).match(/<rect x="190"[^>]*width="([\d.]+)"/g)).toEqual([
      expect.stringContaining('width="420.0"'),
      expect.stringContaining('width="210.0"'),
      expect.stringContaining('width="0.0"'),
    ]);
  });
});
