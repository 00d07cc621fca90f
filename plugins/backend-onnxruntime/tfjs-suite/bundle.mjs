// Bundles tfjs-core's own test suite, with its own ES-module copy of tfjs-core, into one CommonJS file.
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const packageFolder = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

/**
 * Builds the suite for the tfjs backend `backendName` and returns the path of the file whose `require` declares the specs.
 *
 * The suite's copy of tfjs-core shares engine, kernels and gradients with the copy that the backend was registered in:
 * tfjs-core keeps all three in globals, so the backend has to be imported first.
 */
export async function bundleSuite(backendName) {
  const coreDist = join(dirname(require.resolve('@tensorflow/tfjs-core/package.json')), 'dist');
  const folder = join(packageFolder, 'node_modules', '.cache', 'tfjs-suite');
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `${backendName}.cjs`);
  const environment = { name: backendName, backendName, flags: {}, isDataSync: true };
  await build({
    stdin: {
      resolveDir: coreDist,
      sourcefile: 'entry.js',
      contents: `
        import './index';
        import { setTestEnvs } from './jasmine_util';
        setTestEnvs([${JSON.stringify(environment)}]);
        // An import would run before setTestEnvs, and the specs are declared for the environments set by then.
        require('./tests');`,
    },
    bundle: true,
    outfile,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    // tfjs-core requires jasmine-core without depending on it.
    alias: { 'jasmine-core': dirname(require.resolve('jasmine-core/package.json')) },
    // The package's sideEffects list leaves out its tests: heeding it would drop every spec.
    ignoreAnnotations: true,
    logLevel: 'error',
  });
  return outfile;
}
