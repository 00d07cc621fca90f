import { join } from 'node:path';
import { defineConfig, definePlugin } from '@dinomix/core';
import { createFolderDataset, niftiFormat, RECIPES, scanPairs } from '@dinomix/core/dataset';
import { z } from 'zod';

const classes = ['background', 'liver', 'spleen'].map((name, index) => ({
  index,
  name,
  colour: [10 * index, 20, 30] as const,
  tail: false,
}));

const refuse = (): never => {
  throw new Error('not part of this test');
};

/** Two cases of a folder, prepared into its subfolder `cache`. */
const parts = definePlugin({
  name: 'parts',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['dataset:folder', 'backend:none', 'student:net', 'loss:dice-ce'],
  options: z.strictObject({ root: z.string().default('unset'), cache: z.boolean().default(true) }),
  setup(api, { root, cache }) {
    api.provide('backend', 'none', refuse);
    api.provide('student', 'net', refuse);
    api.provide('loss', 'dice-ce', refuse);
    api.provide('dataset', 'folder', async () => {
      const names = { image: /^(\w+)\.nii$/, label: /^(\w+)\.nii$/ };
      const folders = { images: join(root, 'images'), labels: join(root, 'labels'), isTest: false };
      const { cases } = await scanPairs([folders], names);
      return createFolderDataset({
        title: 'Folder <1>',
        licence: 'none',
        classes,
        splits: { labelled: ['a'], unlabelled: [], validation: ['b'], test: [] },
        preprocessing: { ...RECIPES.p1.preprocessing, grid: { kind: 'shape', shape: [4, 4, 4] } },
        sampling: RECIPES.p1.sampling,
        cases: Object.fromEntries(cases.map(({ id, image, label }) => [id, { image, label }])),
        format: niftiFormat({ geometry: null, replaceNonFinite: null }),
        tolerance: 0.01,
        cache: cache ? join(root, 'cache') : null,
        async *check() {},
      });
    });
  },
});

export default defineConfig({ name: 'folder', plugins: [parts()] });
