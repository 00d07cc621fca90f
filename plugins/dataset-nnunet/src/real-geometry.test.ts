import { execFileSync } from 'node:child_process';
import { existsSync, symlinkSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DataProblem } from '@dinomix/core';
import { openNnunetFolder } from '@dinomix/data';
import { describe, expect, it } from 'vitest';
import { buildFolder, optionsOf } from '../test/build-folder.js';
import { checkDataset } from './check.js';
import { LAYOUT } from './layout.js';
import type { NnunetInput } from './options.js';

const TEMPLATES = '/usr/share/mricron/templates';
// Both codes set, and two matrices: the z axis of the first is flipped in one of them, the x axis of the second.
const FILES = ['JHU-WhiteMatter-labels-2mm.nii.gz', 'jhu189.nii.gz'].filter((name) =>
  existsSync(join(TEMPLATES, name)),
);
if (FILES.length === 0)
  console.log('skipped: real qform conflicts need mricron-data (Debian package, see .ci/real-data)');

const hasNibabel = (() => {
  try {
    execFileSync('/usr/bin/python3', ['-c', 'import nibabel'], { stdio: 'ignore' });
    return true;
  } catch {
    console.log('skipped: real qform conflicts need python3-nibabel (Debian package, see .ci/real-data)');
    return false;
  }
})();

interface NibabelView {
  readonly sform: readonly (readonly number[])[];
  readonly qform: readonly (readonly number[])[];
  readonly labels: number;
}

function byNibabel(file: string): NibabelView {
  const script =
    'import sys, json, numpy as np, nibabel as n\n' +
    'i = n.load(sys.argv[1])\n' +
    'print(json.dumps({"sform": i.get_sform().tolist(), "qform": i.get_qform().tolist(), "labels": int(np.asarray(i.dataobj).max()) + 1}))';
  return JSON.parse(execFileSync('/usr/bin/python3', ['-c', script, file], { encoding: 'utf8' })) as NibabelView;
}

/** A template as image and label of one case. */
async function folderOf(name: string, classes: number): Promise<string> {
  const names = Array.from({ length: classes }, (_, value) => [value === 0 ? 'background' : `region ${value}`, value]);
  const document = { channel_names: { 0: 'MRI' }, labels: Object.fromEntries(names), file_ending: '.nii.gz' };
  const root = await buildFolder({}, document);
  await Promise.all(['imagesTr', 'labelsTr'].map((folder) => mkdir(join(root, folder))));
  symlinkSync(join(TEMPLATES, name), join(root, 'imagesTr/t_0000.nii.gz'));
  symlinkSync(join(TEMPLATES, name), join(root, 'labelsTr/t.nii.gz'));
  return root;
}

async function geometryProblems(input: NnunetInput): Promise<DataProblem[]> {
  const found: DataProblem[] = [];
  for await (const problem of checkDataset(input)) if (/sform|qform/.test(problem.message)) found.push(problem);
  return found;
}

/** Numbers of a message, as the check prints matrices. */
const numbersIn = (text: string) => (text.match(/-?\d+(\.\d+)?(e-?\d+)?/g) ?? []).map(Number);

describe.skipIf(FILES.length === 0 || !hasNibabel)('templates whose two matrices disagree', () => {
  it.each(FILES)('%s: the check prints both, and takes the one that it is told', async (name) => {
    const { sform, qform, labels } = byNibabel(join(TEMPLATES, name));
    const root = await folderOf(name, labels);
    const base = { root, validation: 0, test: 0 };
    const found = await geometryProblems(base);
    expect(found.map(({ severity, file }) => [severity, file])).toEqual([
      ['error', join(root, 'imagesTr/t_0000.nii.gz')],
      ['error', join(root, 'labelsTr/t.nii.gz')],
    ]);
    const printed = numbersIn(found[0]!.message);
    for (const value of [...sform.slice(0, 3).flat(), ...qform.slice(0, 3).flat()]) {
      expect(
        printed.some((one) => Math.abs(one - value) < 1e-3),
        `${value} in ${found[0]!.message}`,
      ).toBe(true);
    }
    expect(found[0]!.fix).toContain('geometry');
    for (const [geometry, matrix] of [
      ['sform', sform],
      ['qform', qform],
    ] as const) {
      expect(await geometryProblems({ ...base, geometry })).toEqual([]);
      const dataset = await openNnunetFolder(optionsOf({ ...base, geometry }), LAYOUT);
      const { image, label } = await dataset.readCase('t', 'labelled');
      for (const [row, values] of matrix.entries()) {
        for (const [column, value] of values.entries()) expect(image.affine[row]![column]).toBeCloseTo(value, 3);
      }
      expect(label!.affine).toEqual(image.affine);
    }
  });
});
