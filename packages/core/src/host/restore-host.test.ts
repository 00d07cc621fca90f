import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { required } from '../../test/plugins.js';
import { definePreset } from '../config/define-config.js';
import { loadConfigFile } from '../config/load.js';
import { createHost } from './host.js';
import { restoreHost, type StoredConfig } from './restore-host.js';

const source = (file: string) => JSON.stringify(fileURLToPath(new URL(`../${file}`, import.meta.url)));
const base = definePreset('base', { plugins: required() });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dinomix-restore-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A plugin with one option, as source text; `output` is what its schema makes of the options. */
const box = (version = '1.0.0', output = 'value') => `
  const box = definePlugin({
    name: '@test/box', version: '${version}', core: '^1.0.0', api: 1, provides: ['mixer:box'],
    options: { '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value: ${output} }) } },
    setup: (api) => api.provide('mixer', 'box', () => ({ plan: (facts) => facts.previous })),
  });`;

/** Writes the config file, or replaces it. */
function writeConfig(entries: string, plugin = box(), name = 'dinomix.config.ts'): string {
  const file = join(folder, name);
  writeFileSync(
    file,
    `import { defineConfig } from ${source('config/define-config.ts')};
     import { definePlugin } from ${source('plugin/define-plugin.ts')};
     ${plugin}
     export default defineConfig({ ${entries} });`,
  );
  return file;
}

async function store(file: string, overrides: readonly string[] = []): Promise<StoredConfig> {
  await using host = await createHost({ ...(await loadConfigFile(file, overrides)), base });
  const config = JSON.parse(JSON.stringify(host.config)) as StoredConfig['config'];
  return { configFiles: [file], overrides, configHash: host.configHash, config };
}

const ENTRIES = 'plugins: [box({ size: 3 }).as("small")], seed: 7, train: { epochs: 5 }, use: { mixer: ["small"] }';

describe('the host of a stored config', () => {
  it('is that of the file where it says the same', async () => {
    const stored = await store(writeConfig(ENTRIES), ['--set train.epochs=2']);
    const { host, loaded, notes } = await restoreHost(stored, '/run', { base });
    expect(notes).toEqual([]);
    expect(loaded.overrides).toEqual(['--set train.epochs=2']);
    expect(host.configHash).toBe(stored.configHash);
    await host.dispose();
  });

  it('has the values of the run where the file says others, overrides included', async () => {
    const stored = await store(writeConfig(ENTRIES), ['--seed 9', '--set mixer.small.size=4']);
    // jiti keeps what it imported: another file stands for the same one on another day.
    const today = writeConfig(
      'plugins: [box({ size: 8 })], seed: 1, train: { epochs: 50 }, use: { mixer: false }',
      box(),
      'today.config.ts',
    );
    const { host, notes } = await restoreHost({ ...stored, configFiles: [today] }, '/run', { base });
    expect(host.configHash).toBe(stored.configHash);
    expect([host.config.seed, host.config.train.epochs, host.config.use.mixer]).toEqual([9, 5, ['small']]);
    expect(host.config.plugins.find(({ id }) => id === 'mixer:small')!.options).toEqual({ size: 4 });
    expect(notes).toEqual([`${today} has changed since; the config is that of the run`]);
    await host.dispose();
  });

  it('resolves paths from the folder of the file that says the same', async () => {
    const stored = await store(writeConfig(ENTRIES));
    mkdirSync(join(folder, 'other'));
    const other = writeConfig('seed: 1', '', 'other/dinomix.config.ts');
    const { host } = await restoreHost({ ...stored, configFiles: [other, ...stored.configFiles] }, '/run', { base });
    expect(host.environment.file).toBe(stored.configFiles[0]);
    await host.dispose();
  });

  it('takes plugins from packages where no file can be loaded', async () => {
    const stored = await store(writeConfig(ENTRIES));
    const installed = join(folder, 'node_modules', '@test', 'box');
    mkdirSync(installed, { recursive: true });
    writeFileSync(
      join(installed, 'package.json'),
      '{ "name": "@test/box", "type": "module", "exports": "./index.ts" }',
    );
    writeFileSync(
      join(installed, 'index.ts'),
      `import { definePlugin } from ${source('plugin/define-plugin.ts')};${box().replace('const box', 'export const box')}`,
    );
    const gone = join(folder, 'gone.config.ts');
    const { host, notes } = await restoreHost({ ...stored, configFiles: [gone] }, '/run', { base });
    expect(host.configHash).toBe(stored.configHash);
    expect(notes).toEqual([`${gone} is not there or cannot be loaded; the config is that of the run`]);
    await host.dispose();
  });

  it('names a plugin that is not there any more', async () => {
    const stored = await store(writeConfig(ENTRIES));
    const today = writeConfig('seed: 1', '', 'today.config.ts');
    await expect(restoreHost({ ...stored, configFiles: [today] }, '/run', { base })).rejects.toMatchObject({
      code: 'DMX_RUN_PLUGIN',
      summary: expect.stringContaining('mixer:small'),
      fix: expect.stringContaining('@test/box'),
    });
  });

  it('tells of another version of a plugin, and refuses one that makes other values', async () => {
    const stored = await store(writeConfig(ENTRIES));
    const newer = writeConfig(`${ENTRIES}, name: 'other'`, box('1.1.0'), 'newer.config.ts');
    const { host, notes } = await restoreHost({ ...stored, configFiles: [newer] }, '/run', { base });
    expect(notes[1]).toBe('@test/box is 1.1.0 now; the run was made with 1.0.0');
    await host.dispose();
    const different = writeConfig(ENTRIES, box('1.1.0', '{ ...value, round: true }'), 'different.config.ts');
    await expect(restoreHost({ ...stored, configFiles: [different] }, '/run', { base })).rejects.toMatchObject({
      code: 'DMX_RUN_CONFIG',
      why: expect.stringContaining('options.round'),
    });
  });
});
