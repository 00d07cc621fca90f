import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createUserFolder, type UserFolder } from '../support/packed.js';

const PACKAGES = [
  'packages/volume',
  'packages/core',
  'packages/data',
  'packages/trainer',
  'packages/cli',
  'plugins/backend-onnxruntime',
];
/** What the line of `dinomix init` names besides. */
const OF_THE_FIRST_CONFIG = [
  'dataset-phantom',
  'loss-consistency',
  'loss-dice-ce',
  'metric-overlap',
  'mixer-cutmix',
  'reporter-html',
  'reporter-jsonl',
  'student-vnet',
  'teacher-ema',
].map((name) => `plugins/${name}`);
let user: UserFolder;

beforeAll(async () => {
  user = await createUserFolder([...PACKAGES, ...OF_THE_FIRST_CONFIG]);
  const tarballs = [...user.tarballs.values()].slice(0, PACKAGES.length);
  await user.shell(`npm install --no-audit --no-fund ${tarballs.join(' ')}`);
}, 240_000);

afterAll(() => user.remove());

describe('the command, installed with npm into an empty folder', () => {
  it('says what it can do', async () => {
    const help = await user.shell('npx dinomix --help');
    expect(help).toMatch(/^Usage: dinomix/);
    for (const command of ['init', 'train', 'resume', 'eval', 'export', 'predict', 'explain', 'doctor']) {
      expect(help).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
    }
  });

  it('finds nothing wrong with a fresh installation', async () => {
    const { healthy, findings, backends } = JSON.parse(await user.shell('npx dinomix doctor --json'));
    expect(healthy, JSON.stringify(findings)).toBe(true);
    const [engine] = backends;
    expect(engine).toMatchObject({ package: '@dinomix/backend-onnxruntime', problem: null });
    expect(engine.facts.device).toBe('cpu');
    expect(engine.kernels.native).toContain('Conv3D');
    expect(engine.kernels.fallback).toContain('FFT');
    expect(await user.shell('npx dinomix doctor')).toContain('Nothing is wrong.');
  });

  it('writes a first config, and the lines that it prints install its packages and train it', async () => {
    const printed = await user.shell('npx dinomix init');
    const [, install] = /install its packages with\n {2}(npm install .*)/.exec(printed)!;
    const [, train] = /train with\n {2}(npx .*)/.exec(printed)!;
    const named = install!.split(' ').filter((word) => word.startsWith('@dinomix/'));
    // These come with what is installed already.
    expect(named).not.toContain('@dinomix/cli');
    expect(named.map((name) => name.replace('@dinomix/', 'plugins/')).sort()).toEqual(OF_THE_FIRST_CONFIG);
    // The packages of this workspace stand for those of the registry.
    await user.shell(
      `${install!.replaceAll(/@dinomix\/[\w-]+/g, (name) => user.tarballs.get(name)!)} --no-audit --no-fund`,
    );
    const small =
      '--set train.epochs=1 --set train.stepsPerEpoch=1 --set train.patch=[16,32,32] --set student.vnet.filters=2';
    expect(await user.shell(`${train} ${small}`)).toContain('Completed');
    expect(await user.shell('npx dinomix init --force')).not.toContain('npm install');
  }, 240_000);
});
