import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { required } from '../../test/plugins.js';
import { createHost } from '../host/host.js';
import { definePreset } from './define-config.js';
import { loadConfigFile } from './load.js';

const source = (file: string) => JSON.stringify(fileURLToPath(new URL(`../${file}`, import.meta.url)));
let folder = '';
let count = 0;

/** Writes a config into a folder of its own and returns the folder. */
function project(content: string, name = 'dinomix.config.ts'): string {
  const path = join(folder, `p${count++}`);
  mkdirSync(path);
  writeFileSync(join(path, name), content);
  return path;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dinomix-load-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CONFIG = `
  import { defineConfig } from ${source('config/define-config.ts')};
  import { definePlugin } from ${source('plugin/define-plugin.ts')};
  enum Seed { First = 7 }
  const box = definePlugin({
    name: '@test/box', version: '1.0.0', core: '^1.0.0', api: 1, provides: ['mixer:box'],
    options: { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value: value as object }) } },
    setup: (api) => api.provide('mixer', 'box', () => ({ plan: (facts) => facts.previous })),
  });
  export default defineConfig({ plugins: [box()], seed: Seed.First as number, train: { epochs: 5 } });
`;

describe('loadConfigFile', () => {
  it('loads TypeScript, and its plugins reach a host of this process', async () => {
    const path = project(CONFIG);
    const loaded = await loadConfigFile(path, ['--set train.epochs=2']);
    expect(loaded.file).toBe(join(path, 'dinomix.config.ts'));
    const host = await createHost({ ...loaded, base: definePreset('base', { plugins: required() }) });
    expect([host.config.seed, host.config.train.epochs, host.config.use.mixer]).toEqual([7, 2, ['box']]);
    expect(host.explain().config.find((entry) => entry.path === 'seed')!.origin).toBe('dinomix.config.ts');
    await host.dispose();
  });

  it('takes a file by its own name', async () => {
    const path = join(project('export default { seed: 3 };', 'tail.mjs'), 'tail.mjs');
    expect((await loadConfigFile(path)).config).toEqual({ seed: 3 });
  });

  it('takes nothing but the file: no environment sections, rc files or package.json', async () => {
    const path = project(
      'export default { seed: 1, $test: { seed: 2 }, $env: { test: { seed: 3 } } };',
      'dinomix.config.mjs',
    );
    writeFileSync(join(path, '.dinomixrc'), 'seed=4');
    writeFileSync(join(path, '.env'), 'DINOMIX_TRAP=5');
    writeFileSync(join(path, 'package.json'), '{ "dinomix": { "seed": 6 }, "type": "module" }');
    expect((await loadConfigFile(path)).config.seed).toBe(1);
    expect(process.env.DINOMIX_TRAP).toBeUndefined();
  });

  it('says DMX_CONFIG_NOT_FOUND with the place', async () => {
    await expect(loadConfigFile(join(folder, 'nowhere.ts'))).rejects.toMatchObject({
      code: 'DMX_CONFIG_NOT_FOUND',
      why: `${join(folder, 'nowhere.ts')} does not exist.`,
    });
    await expect(loadConfigFile(folder)).rejects.toMatchObject({ code: 'DMX_CONFIG_NOT_FOUND' });
  });

  it('says DMX_CONFIG_LOAD with the cause', async () => {
    const broken = project('export default {', 'dinomix.config.ts');
    await expect(loadConfigFile(broken)).rejects.toMatchObject({ code: 'DMX_CONFIG_LOAD', cause: expect.any(Error) });
    const throws = project("throw new Error('no data');", 'dinomix.config.ts');
    await expect(loadConfigFile(throws)).rejects.toMatchObject({ code: 'DMX_CONFIG_LOAD', why: 'no data' });
    const missing = project("import '@nobody/nothing'; export default {};", 'dinomix.config.ts');
    await expect(loadConfigFile(missing)).rejects.toMatchObject({
      code: 'DMX_CONFIG_LOAD',
      why: expect.stringContaining('@nobody/nothing'),
    });
  });

  it('says DMX_CONFIG_NOT_OBJECT for any other export', async () => {
    const path = project('export default [1];', 'dinomix.config.ts');
    await expect(loadConfigFile(path)).rejects.toMatchObject({
      code: 'DMX_CONFIG_NOT_OBJECT',
      why: 'Its default export is [1].',
    });
  });
});
