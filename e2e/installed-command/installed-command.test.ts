import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createUserFolder, type UserFolder } from '../support/packed.js';

const PACKAGES = [
  'packages/volume',
  'packages/core',
  'packages/trainer',
  'packages/cli',
  'plugins/backend-onnxruntime',
];
let user: UserFolder;

beforeAll(async () => {
  user = await createUserFolder(PACKAGES);
  await user.shell(`npm install --no-audit --no-fund ${[...user.tarballs.values()].join(' ')}`);
}, 120_000);

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
});
