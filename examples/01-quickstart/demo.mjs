// `npm run demo`: from NIfTI files to trained networks, a table, a predicted NIfTI and a report, with the commands that a
// person would type.
import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { shellWord } from '@dinomix/core';
import { writeFileAtomic } from '@dinomix/volume';
import { HELP, readArguments, WrongUse } from './demo/arguments.mjs';
import { CommandFailed, dinomix, INTERRUPTED } from './demo/dinomix.mjs';
import { writePhantoms } from './demo/phantom.mjs';
import { overSeeds, readRun, summarise, teacherNote } from './demo/results.mjs';
import { organTable, seedTable } from './demo/table.mjs';

const folder = dirname(fileURLToPath(import.meta.url));

const say = (text = '') => process.stdout.write(`${text}\n`);
const heading = (text) => say(`\n== ${text}`);
const shown = (path) => relative(process.cwd(), path) || '.';
const json = (value) => `${JSON.stringify(value, null, 2)}\n`;

/** Trains and tests one method from scratch; its run folder is replaced. */
async function train(method, label, { seed, set, data, out }) {
  const run = join(out, method);
  await rm(run, { recursive: true, force: true });
  const overrides = [`dataset.nnunet.root=${data}`, ...set].flatMap((value) => ['--set', value]);
  const args = ['train', '--config', `${method}.config.ts`, '--out', run, '--seed', String(seed), ...overrides];
  await dinomix(args, { folder, label });
  return readRun(method, run);
}

/** Trains two methods at a time, one thread each, so that they have the same time on the same machine. */
async function trainAll(methods, settings) {
  const width = Math.max(...methods.map((method) => method.length));
  const runs = [];
  for (let first = 0; first < methods.length; first += 2) {
    const pair = methods.slice(first, first + 2);
    heading(`train and test ${pair.join(' and ')}, seed ${settings.seed}`);
    const label = (method) => (pair.length === 1 ? null : method.padEnd(width));
    const ended = await Promise.allSettled(pair.map((method) => train(method, label(method), settings)));
    for (const { reason, value } of ended) {
      if (reason !== undefined) throw reason;
      runs.push(value);
    }
  }
  return runs;
}

/** Exports the network of a run and segments one test image with it. @returns path of the predicted NIfTI */
async function predict(method, { data, out }) {
  const run = join(out, method);
  const [image] = (await readdir(join(data, 'imagesTs'))).sort();
  const prediction = join(out, `${image.replace('_0000.nii.gz', '')}-${method}.nii.gz`);
  await rm(prediction, { force: true });
  await dinomix(['export', run], { folder });
  await dinomix(['predict', join(data, 'imagesTs', image), '--run', run, '--out', prediction], { folder });
  return prediction;
}

/** Puts all methods into one page. */
async function compare(methods, { out }) {
  const runs = methods.map((method) => join(out, method));
  await dinomix(['report', ...runs, '--out', join(out, 'comparison.html')], { folder, quiet: true });
}

/** What every result must be read with. */
function notes(runs) {
  const { cases } = runs[0];
  const teacher = teacherNote(runs);
  return [
    ...(teacher === null ? [] : [teacher]),
    `Synthetic phantoms, not patients: ${cases.labelled} labelled, ${cases.unlabelled} unlabelled, ${cases.validation} validation, ${cases.test} test cases.`,
    '* rare organs, the tail. ASD is 128 where an organ that is there was not found.',
  ].join('\n');
}

/** One seed, from training to summary. */
async function demo(methods, settings) {
  const { seed, out } = settings;
  const started = performance.now();
  const runs = await trainAll(methods, settings);
  const shownMethod = methods.at(-1);
  heading(`predict one test image with ${shownMethod}`);
  const prediction = await predict(shownMethod, settings);
  if (methods.length > 1) await compare(methods, settings);
  const table = `${organTable(runs)}\n\n${notes(runs)}`;
  await writeFileAtomic(join(out, 'table.md'), `${table}\n`);
  heading(`Dice and surface distance on the test cases, seed ${seed}`);
  say(table);
  return { runs, prediction, seconds: (performance.now() - started) / 1000 };
}

function closing({ out, data, methods, prediction }) {
  const last = join(out, methods.at(-1));
  heading('where everything is');
  const rows = [
    [join(out, 'summary.json'), 'the numbers'],
    [join(out, 'table.md'), 'the table above'],
    ...(methods.length > 1 ? [[join(out, 'comparison.html'), 'all methods side by side; open it in a browser']] : []),
    [join(last, 'report.html'), `the report of ${methods.at(-1)}`],
    [prediction, 'predicted labels; open them over the image in any NIfTI viewer'],
    [join(data, 'imagesTs'), 'test images, their labels in labelsTs beside it'],
    [last, 'the run: record, events, checkpoints, predictions, network.onnx'],
  ].map(([path, text]) => [shown(path), text]);
  const width = Math.max(...rows.map(([path]) => path.length));
  for (const [path, text] of rows) say(`${path.padEnd(width)}  ${text}`);
  heading('next');
  const root = shellWord(relative(folder, data));
  say(
    `${shown(join(folder, 'dinomix.config.ts'))} is the experiment; change a line and train again, or take all methods:`,
  );
  say(
    `  (cd ${shellWord(shown(folder))} && npx dinomix train --set dataset.nnunet.root=${root} --set mixer.pic.curriculum=uniform)`,
  );
  say('  npm run demo -- --methods supervised,mean-teacher,cps,dinomix');
}

async function main() {
  const wanted = readArguments(process.argv.slice(2));
  if (wanted === null) return say(HELP);
  const { methods, seeds, set } = wanted;
  const root = resolve(wanted.out);
  const data = join(root, 'data');
  const started = performance.now();
  await mkdir(root, { recursive: true });
  say('DinoMix demo: semi-supervised segmentation of 13 abdominal organs, few labels, rare classes');
  heading('data: synthetic abdominal CT as NIfTI files');
  if (await writePhantoms(data, { folder })) say(`kept from an earlier demo: ${shown(data)}`);
  const dataSeconds = (performance.now() - started) / 1000;
  const bySeed = [];
  for (const seed of seeds) {
    const out = seeds.length === 1 ? root : join(root, `seed${seed}`);
    await mkdir(out, { recursive: true });
    const { runs, prediction, seconds } = await demo(methods, { seed, set, data, out });
    const summary = summarise(runs, { seed, seconds: Math.round(dataSeconds + seconds) });
    await writeFileAtomic(join(out, 'summary.json'), json(summary));
    bySeed.push(runs);
    if (seeds.length === 1) closing({ out, data, methods, prediction });
  }
  if (seeds.length === 1) return;
  const means = overSeeds(bySeed);
  const table = `${seedTable(means)}\n\nMean ± standard deviation over seeds ${seeds.join(', ')}. ${notes(bySeed[0])}`;
  await writeFileAtomic(join(root, 'seeds.json'), json({ seeds, methods: means }));
  await writeFileAtomic(join(root, 'seeds.md'), `${table}\n`);
  heading('means over seeds');
  say(table);
}

try {
  await main();
} catch (failure) {
  if (failure instanceof WrongUse) {
    process.stderr.write(`demo: ${failure.message}\n\n${HELP}`);
    process.exitCode = 2;
  } else if (failure instanceof CommandFailed) {
    // The command has said why.
    const { code } = failure;
    process.stderr.write(
      code === INTERRUPTED
        ? 'demo: interrupted; the next one keeps the phantoms and trains anew\n'
        : `demo: ${failure.message}\n`,
    );
    process.exitCode = code;
  } else {
    throw failure;
  }
}
