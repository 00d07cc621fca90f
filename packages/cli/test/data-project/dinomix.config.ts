import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, definePlugin, type Teacher } from '@dinomix/core';
import { createFolderDataset, niftiFormat, RECIPES, scanPairs } from '@dinomix/data';
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

/** A teacher that keeps the sum of each volume as a file. */
function createKeeper(): Teacher<unknown> {
  return {
    kind: 'outside',
    produces: { probabilities: false, tokens: true },
    looksAt: ['labelled'],
    provenance: null,
    predict: refuse,
    openCacheFill: async ({ splits, cacheDirectory: directory, volume }) => {
      const cases = splits.labelled;
      const present = cases.filter((caseId) => existsSync(join(directory, caseId)));
      return {
        plan: {
          directory,
          provenance: 'sums',
          cases,
          present,
          shape: [4, 4, 4],
          bytesPerVolume: 3.07e6,
          secondsPerVolume: 2.5,
          bytes: 3.07e6,
          seconds: 250,
          limitBytes: 2e10,
          freeBytes: 5e11,
        },
        fill: async (caseId) => {
          if (present.includes(caseId)) return 'kept';
          const { image } = await volume(caseId);
          mkdirSync(directory, { recursive: true });
          writeFileSync(join(directory, caseId), String(image.length));
          return 'computed';
        },
        dispose: async () => undefined,
      };
    },
  };
}

/** Two cases of a folder, prepared into its subfolder `cache`. */
export const parts = definePlugin({
  name: 'parts',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['dataset:folder', 'backend:none', 'student:net', 'teacher:keeper', 'loss:dice-ce'],
  options: z.strictObject({ root: z.string().default('unset'), cache: z.boolean().default(true) }),
  setup(api, { root, cache }) {
    api.provide('backend', 'none', refuse);
    api.provide('student', 'net', refuse);
    api.provide('loss', 'dice-ce', refuse);
    api.provide('teacher', 'keeper', () => createKeeper());
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
