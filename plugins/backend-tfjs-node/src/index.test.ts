import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { tfjsNode } from './index.js';
import { optionsSchema } from './options.js';

test('the plugin fills backend:tfjs-node and has the version of its package', () => {
  const instance = tfjsNode() as unknown as Record<symbol, { definition: { name: string; version: string } }>;
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  expect(tfjsNode().provides).toEqual(['backend:tfjs-node']);
  expect(instance[Symbol.for('dinomix:plugin')]?.definition).toMatchObject({
    name: manifest.name,
    version: manifest.version,
  });
});

test('options: a folder or nothing; unknown keys are refused', () => {
  expect(optionsSchema.parse({})).toEqual({});
  expect(optionsSchema.parse({ folder: '/opt/tfjs' })).toEqual({ folder: '/opt/tfjs' });
  expect(optionsSchema.safeParse({ folder: '' }).success).toBe(false);
  expect(optionsSchema.safeParse({ device: 'cuda' }).success).toBe(false);
});
