import { defineConfig } from 'vitest/config';

// Unit tests run on source through one custom condition, the same that tsc uses; e2e tests use packed tarballs.
const conditions = ['@dinomix/source', 'node', 'import', 'module', 'default'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['node', 'import', 'module', 'default'] } },
  test: {
    include: [
      '{packages,plugins}/*/{src,test}/**/*.test.ts',
      'e2e/**/*.test.ts',
      'examples/**/*.test.ts',
      'scripts/**/*.test.ts',
    ],
    testTimeout: 120_000,
    pool: 'forks',
  },
});
