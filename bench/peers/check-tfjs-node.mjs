// Runs @dinomix/backend-tfjs-node on a built tfjs-node: gradients of a small 3D network and a training of 20 steps, both
// compared with the CPU backend of TensorFlow.js; times a step. Exit status 1 when a comparison fails.
//
//   node bench/peers/check-tfjs-node.mjs <folder> [cpu|cuda] [--out result.json]
//
// <folder> is what build-tfjs-node.sh made. Build the plugin first: npx tsc -b plugins/backend-tfjs-node
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const plugin = new URL('../../plugins/backend-tfjs-node/', import.meta.url);
const { createBatch, createParameters, gradientsOn, relativeL2, trainOn } = await import(
  new URL('test/segmentation-network.mjs', plugin).href
);

const { values: options, positionals } = parseArgs({ allowPositionals: true, options: { out: { type: 'string' } } });
const [folder, device = 'cpu'] = positionals;
if (folder === undefined) throw new Error('Name the folder that build-tfjs-node.sh made.');

// float32 products instead of the GPU's 10-bit TF32: the comparison is about gradients, not about rounding.
process.env.NVIDIA_TF32_OVERRIDE = '0';
const tf = createRequire(new URL('package.json', plugin))('@tensorflow/tfjs-core');
const { createTfjsNodeBackend } = await import(new URL('dist/index.js', plugin).href);
const session = await createTfjsNodeBackend({ folder }).setup({ device, threads: null });

// Both backends round to float32 after each operation and sum in other orders. Where a gradient is the small remainder of
// a large sum that shows most: 3e-5 was the largest seen here. 1e-4 is the bound that this project sets for an engine; a
// wrong term shows as 1e-2 or more.
const GRADIENT_BOUND = 1e-4;
// Relative difference of the losses over the first steps, before two trainings drift apart.
const LOSS_BOUND = 1e-4;
const COMPARED_STEPS = 10;

async function compareGradients() {
  const rows = [];
  for (const { kernel, shape } of [
    { kernel: 2, shape: [2, 16, 16, 16] },
    { kernel: 3, shape: [1, 7, 9, 6] },
  ]) {
    for (const slope of [0.01, 1]) {
      for (const seed of [1, 2, 3]) {
        const problem = { parameters: createParameters(seed, kernel), batch: createBatch(seed, shape), slope };
        const native = await gradientsOn(tf, session.name, problem);
        const reference = await gradientsOn(tf, 'cpu', problem);
        const [worst] = Object.entries(reference.gradients)
          .map(([name, gradient]) => ({ name, error: relativeL2(native.gradients[name], gradient) }))
          .sort((a, b) => b.error - a.error);
        rows.push({ kernel, shape, slope, seed, worst: worst.name, error: worst.error });
      }
    }
  }
  return rows;
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

async function compareTraining() {
  const problem = { parameters: createParameters(1, 2), batch: createBatch(1, [2, 16, 16, 16]), slope: 0.01 };
  const training = { ...problem, steps: 20, learningRate: 0.05, momentum: 0.9 };
  const native = await trainOn(tf, session.name, training);
  const again = await trainOn(tf, session.name, training);
  const reference = await trainOn(tf, 'cpu', training);
  const differences = native.losses.map((loss, step) => Math.abs(loss / reference.losses[step] - 1));
  return {
    losses: native.losses,
    cpuLosses: reference.losses,
    largestDifference: Math.max(...differences.slice(0, COMPARED_STEPS)),
    repeats: native.losses.every((loss, step) => loss === again.losses[step]),
    msPerStep: median(again.milliseconds),
    cpuMsPerStep: median(reference.milliseconds),
  };
}

async function timeLargerVolume() {
  const problem = { parameters: createParameters(1, 2), batch: createBatch(1, [2, 32, 64, 64]), slope: 0.01 };
  const { milliseconds } = await trainOn(tf, session.name, {
    ...problem,
    steps: 23,
    learningRate: 0.01,
    momentum: 0.9,
  });
  const warm = milliseconds.slice(3);
  return { shape: problem.batch.shape, minMs: Math.min(...warm), medianMs: median(warm) };
}

async function measureMemory() {
  setFlagsFromString('--expose_gc');
  const collectGarbage = runInNewContext('gc');
  const problem = { parameters: createParameters(1, 2), batch: createBatch(1, [2, 16, 16, 16]), slope: 0.01 };
  const residentAfter = async (steps) => {
    await trainOn(tf, session.name, { ...problem, steps, learningRate: 0.01, momentum: 0.9 });
    collectGarbage();
    return process.memoryUsage.rss() / 2 ** 20;
  };
  const steps = 500;
  const beforeMb = await residentAfter(200);
  const afterMb = await residentAfter(steps);
  return { steps, beforeMb, afterMb, kilobytesPerStep: ((afterMb - beforeMb) * 1024) / steps };
}

const result = { session: session.facts, device: session.device, node: process.version };
console.log(`${JSON.stringify(session.facts)} on ${session.device}, Node ${process.version}`);

result.gradients = await compareGradients();
console.log('\nlargest relative L2 difference of a gradient tensor from the CPU backend');
for (const { kernel, shape, slope, seed, worst, error } of result.gradients) {
  console.log(
    `  k${kernel} ${shape.join('x').padEnd(12)} slope ${slope} seed ${seed}: ${error.toExponential(1)} (${worst})`,
  );
}

result.training = await compareTraining();
const { losses, cpuLosses, largestDifference, repeats, msPerStep, cpuMsPerStep } = result.training;
console.log(`\n20 steps at 2x16x16x16: ${msPerStep.toFixed(1)} ms a step, CPU backend ${cpuMsPerStep.toFixed(1)} ms`);
console.log(`  losses      ${losses.map((loss) => loss.toFixed(4)).join(' ')}`);
console.log(`  CPU backend ${cpuLosses.map((loss) => loss.toFixed(4)).join(' ')}`);
console.log(
  `  difference over ${COMPARED_STEPS} steps ${largestDifference.toExponential(1)}; a second run repeats the bits: ${repeats}`,
);

result.larger = await timeLargerVolume();
console.log(
  `\nstep at 2x32x64x64: min ${result.larger.minMs.toFixed(0)} ms, median ${result.larger.medianMs.toFixed(0)} ms`,
);

result.memory = await measureMemory();
const { steps, beforeMb, afterMb, kilobytesPerStep } = result.memory;
console.log(
  `resident memory over ${steps} steps: ${beforeMb.toFixed(0)} to ${afterMb.toFixed(0)} MB, ${kilobytesPerStep.toFixed(1)} kB a step`,
);
result.usage = session.usage();
await session.dispose();

const failures = [
  ...result.gradients.filter(({ error }) => !(error < GRADIENT_BOUND)).map(({ worst }) => `gradient of ${worst}`),
  ...(largestDifference < LOSS_BOUND ? [] : ['losses of the first steps']),
  ...(losses.at(-1) < 0.6 * losses[0] ? [] : ['falling losses']),
];
result.passed = failures.length === 0;
if (options.out !== undefined) writeFileSync(options.out, `${JSON.stringify(result, null, 2)}\n`);
console.log(result.passed ? '\npassed' : `\nfailed: ${failures.join(', ')}`);
process.exitCode = result.passed ? 0 : 1;
