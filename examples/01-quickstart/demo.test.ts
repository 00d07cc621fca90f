import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readNifti } from '@dinomix/volume';
import { afterAll, beforeAll, expect, it } from 'vitest';

const script = fileURLToPath(new URL('./demo.mjs', import.meta.url));
const out = mkdtempSync(join(tmpdir(), 'dinomix-demo-'));
const toy = ['--out', out, '--set', 'train.epochs=1', '--set', 'train.stepsPerEpoch=2', '--set', 'threads=1'];
const NOTE = 'teacher: random control weights, not DINOv3';

interface Ended {
  readonly code: number | null;
  readonly text: string;
}

/** Runs the demo; a line that contains `stopAt` is answered with Ctrl-C, which reaches the whole process group. */
function demo(args: readonly string[], stopAt?: string): Promise<Ended> {
  const child = spawn(process.execPath, [script, ...args], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  let stopped = false;
  const read = (chunk: Buffer): void => {
    text += chunk;
    if (stopAt === undefined || stopped || !text.includes(stopAt)) return;
    stopped = true;
    process.kill(-child.pid!, 'SIGINT');
  };
  child.stdout.on('data', read);
  child.stderr.on('data', read);
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, text }));
  });
}

let ended: Ended;

beforeAll(async () => {
  ended = await demo(toy);
}, 300_000);

afterAll(() => rmSync(out, { recursive: true, force: true }));

it('goes from NIfTI files to a table, a prediction and reports', () => {
  expect(ended.code, ended.text).toBe(0);
  const { methods, seconds, peakMb, ...rest } = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8'));
  expect(rest).toEqual({ engine: 'onnxruntime on cpu', teacher: NOTE, seed: 0 });
  expect(Object.keys(methods)).toEqual(['supervised', 'dinomix']);
  for (const result of Object.values<Record<string, unknown>>(methods)) {
    expect(Object.keys(result).sort()).toEqual(['asdMean', 'collapsed', 'diceMean', 'dicePerClass', 'diceTail']);
    const dice = Object.values(result.dicePerClass as Record<string, number>);
    expect(dice).toHaveLength(13);
    expect(result.diceMean).toBeCloseTo(dice.reduce((total, value) => total + value, 0) / 13, 10);
    expect(result.collapsed).toBe(dice.filter((value) => value === 0).length);
  }
  expect(seconds).toBeGreaterThan(1);
  expect(peakMb).toBeGreaterThan(50);
  for (const page of ['comparison.html', 'supervised/report.html', 'dinomix/report.html']) {
    expect(statSync(join(out, page)).size, page).toBeGreaterThan(10_000);
  }
});

it('prints what to do next, and that runs', () => {
  const [, line] = /== next\n[\s\S]*?\n {2}\((.*)\)\n/.exec(ended.text)!;
  const small = `--out ${join(out, 'next')} --set train.epochs=1 --set train.stepsPerEpoch=2`;
  const text = execFileSync('sh', ['-c', `${line} ${small}`], { encoding: 'utf8' });
  expect(text).toContain('Completed');
  expect(existsSync(join(out, 'next', 'record.json'))).toBe(true);
}, 120_000);

it('says of the control teacher that it is one, wherever a result is shown', () => {
  for (const file of ['summary.json', 'table.md', 'comparison.html', 'dinomix/report.html']) {
    expect(readFileSync(join(out, file), 'utf8'), file).toContain(NOTE);
  }
  expect(ended.text.match(new RegExp(NOTE, 'g'))!.length).toBeGreaterThanOrEqual(2);
});

it('predicts on the grid of the image', async () => {
  const [image] = readdirSync(join(out, 'data', 'imagesTs')).sort();
  const source = await readNifti(join(out, 'data', 'imagesTs', image!));
  const labels = await readNifti(join(out, 'phantom_0021-dinomix.nii.gz'));
  expect(labels.volume.shape).toEqual(source.volume.shape);
  expect(labels.volume.affine).toEqual(source.volume.affine);
  const values = [...new Set(labels.volume.data)];
  expect(values.every((value) => Number.isInteger(value) && value >= 0 && value <= 13)).toBe(true);
});

it('ends with 130 on Ctrl-C, and keeps the phantoms', async () => {
  const stopped = await demo(toy, '== train and test');
  expect(stopped.code, stopped.text).toBe(130);
  expect(stopped.text).toContain('kept from an earlier demo');
  expect(stopped.text).toContain('demo: interrupted');
}, 120_000);

it('ends with 2 where it is asked for what is not there', async () => {
  const wrong = await demo(['--methods', 'supervised,dino', '--out', join(out, 'none')]);
  expect(wrong.code).toBe(2);
  expect(wrong.text).toContain('there is no method "dino"; there are supervised, mean-teacher, cps, dinomix');
  expect(existsSync(join(out, 'none'))).toBe(false);
  expect((await demo(['--seed', '-1'])).code).toBe(2);
});

it('explains itself', () => {
  expect(execFileSync(process.execPath, [script, '--help'], { encoding: 'utf8' })).toContain('--methods');
});
