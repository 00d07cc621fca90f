// Reads what runs left behind and sums it up.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Reads the record and the events of a finished run.
 * @returns test results by class, means, time and memory of the training
 */
export async function readRun(method, folder) {
  const record = JSON.parse(await readFile(join(folder, 'record.json'), 'utf8'));
  const lines = (await readFile(join(folder, 'events.jsonl'), 'utf8')).split('\n').filter((line) => line !== '');
  const events = lines.map((line) => JSON.parse(line));
  const test = events.findLast(({ type, report }) => type === 'evaluation' && report.role === 'test').report;
  const { outcome } = events.findLast(({ type }) => type === 'run.end');
  const classes = record.dataset.classes.filter(({ index }) => index > 0);
  const dice = classes.map(({ index }) => test.perClass.dice[index] ?? 0);
  return {
    method,
    classes: classes.map(({ name, tail }) => ({ name, tail })),
    dice,
    asd: classes.map(({ index }) => test.perClass.asd[index]),
    diceMean: test.mean.dice,
    diceTail: test.tail.dice,
    asdMean: test.mean.asd,
    collapsed: test.collapsed.length,
    cases: Object.fromEntries(Object.entries(record.dataset.splits).map(([part, ids]) => [part, ids.length])),
    steps: outcome.position.step + 1,
    seconds: outcome.seconds,
    peakMb: outcome.peakMb,
    engine: `${record.backend.name} on ${record.backend.device}`,
    teachers: Object.values(record.teachers),
  };
}

/** The content of `summary.json`: one seed, all methods. */
export function summarise(runs, { seed, seconds }) {
  const methods = runs.map((run) => {
    const { method, diceMean, diceTail, asdMean, collapsed, classes, dice } = run;
    const dicePerClass = Object.fromEntries(classes.map(({ name }, index) => [name, dice[index]]));
    return [method, { diceMean, diceTail, dicePerClass, asdMean, collapsed }];
  });
  return {
    methods: Object.fromEntries(methods),
    seconds,
    peakMb: Math.max(...runs.map(({ peakMb }, index) => peakMb + (runs[index ^ 1]?.peakMb ?? 0))), // two train at a time
    engine: runs[0].engine,
    teacher: teacherNote(runs),
    seed,
  };
}

/** What the outside teacher of the runs was; null where none had one. */
export function teacherNote(runs) {
  return runs.flatMap(({ teachers }) => teachers)[0] ?? null;
}

function mean(values) {
  return values.reduce((total, value) => total + value, 0) / values.length;
}

/** Mean and population standard deviation, as the published tables have it. */
function spread(values) {
  const centre = mean(values);
  return { mean: centre, deviation: Math.sqrt(mean(values.map((value) => (value - centre) ** 2))), values };
}

/** Means over seeds for each method. `bySeed` holds the runs of one seed after the other. */
export function overSeeds(bySeed) {
  return bySeed[0].map(({ method, classes }, position) => {
    const runs = bySeed.map((one) => one[position]);
    const of = (name) => spread(runs.map((run) => run[name]));
    const names = ['diceMean', 'diceTail', 'asdMean', 'collapsed', 'steps', 'seconds', 'peakMb'];
    return {
      method,
      ...Object.fromEntries(names.map((name) => [name, of(name)])),
      dicePerClass: Object.fromEntries(
        classes.map(({ name }, index) => [name, mean(runs.map(({ dice }) => dice[index]))]),
      ),
    };
  });
}
