// Runs tfjs-core's own test suite against a registered backend.
//
//   node tfjs-suite/run.mjs [--backend onnxruntime|cpu] [--device cpu|webgpu|cuda] [--filter REGEXP] [--exclusions FILE] [--out FILE] [--trace]
//
// --device      what the backend computes on (onnxruntime only)
// --filter      runs only the specs whose full name matches
// --exclusions  JSON array of { "test": full name or its beginning, "reason" }; excluded specs run, but do not count
// --out         writes every failure as JSON
// --trace       prints each spec's name before it runs (to find one that hangs or kills the process)
//
// Closes with the line `N passed, M failed`; exit status 1 if a spec failed that is not excluded.
import { readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import Jasmine from 'jasmine';
import { importBackend } from './backends.mjs';
import { bundleSuite } from './bundle.mjs';
import { report } from './report.mjs';

// tfjs-core's runner gives each spec this long.
const SPEC_TIMEOUT_MS = 20_000;

const { values: options } = parseArgs({
  options: {
    backend: { type: 'string', default: 'onnxruntime' },
    device: { type: 'string' },
    filter: { type: 'string' },
    exclusions: { type: 'string' },
    out: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});

/** What the backend under test has registered itself stays: the suite then tests it as a user's program meets it. */
async function registerTheRest() {
  const { gradientConfigs } = await import('../generated/tfjs-gradients.js');
  const { chainedOps } = await import('../generated/tfjs-chained-ops.js');
  for (const config of gradientConfigs) {
    if (!tf.getGradient(config.kernelName)) tf.registerGradient(config);
  }
  for (const [name, method] of Object.entries(chainedOps)) {
    if (!(name in tf.Tensor.prototype)) tf.Tensor.prototype[name] = method;
  }
}

function readExclusions() {
  const standard = join(fileURLToPath(new URL('.', import.meta.url)), 'exclusions.json');
  const file = options.exclusions ?? (options.backend === 'onnxruntime' ? standard : undefined);
  if (file === undefined) return [];
  const exclusions = JSON.parse(readFileSync(file, 'utf8'));
  for (const [index, { test, reason }] of exclusions.entries()) {
    if (!test || !reason) throw new Error(`${file}: entry ${index} needs both "test" and "reason".`);
  }
  return exclusions;
}

async function runSpecs(bundle) {
  const jasmine = new Jasmine();
  const specs = [];
  jasmine.exitOnCompletion = false;
  jasmine.randomizeTests(false);
  jasmine.clearReporters();
  jasmine.addReporter({
    specStarted: ({ fullName }) => options.trace && writeSync(1, `${fullName}\n`),
    specDone: (spec) => specs.push(spec),
    suiteDone: (suite) => {
      if (suite.failedExpectations.length > 0) specs.push({ ...suite, status: 'failed' });
    },
  });
  jasmine.jasmine.DEFAULT_TIMEOUT_INTERVAL = SPEC_TIMEOUT_MS;
  await jasmine.execute([bundle], options.filter);
  return specs;
}

const exclusions = readExclusions();
// Without this tfjs-core prints a banner that recommends tfjs-node.
tf.env().set('IS_TEST', true);
await importBackend(options.backend, options.device);
await registerTheRest();
const specs = await runSpecs(await bundleSuite(options.backend));
const { text, json, ok } = report(specs, exclusions, { checkExclusions: options.filter === undefined });
if (options.out)
  writeFileSync(
    options.out,
    `${JSON.stringify({ backend: options.backend, device: options.device, ...json }, null, 2)}\n`,
  );
// A backend may keep threads or timers alive, so the process is ended, once its output is out.
process.stdout.write(text, () => process.exit(ok ? 0 : 1));
