import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { PUBLISHED_PLUGINS } from './published-plugins.js';

it('are the plugins of this repository', () => {
  const root = fileURLToPath(new URL('../../../plugins', import.meta.url));
  const names = readdirSync(root)
    .map((folder) => JSON.parse(readFileSync(`${root}/${folder}/package.json`, 'utf8')).name as string)
    .filter((name) => !name.startsWith('@dinomix/preset-'));
  expect(Object.values(PUBLISHED_PLUGINS).sort()).toEqual(names.sort());
  expect(PUBLISHED_PLUGINS['mixer:cutmix']).toBe('@dinomix/mixer-cutmix');
});
