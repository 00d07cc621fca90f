/**
 * Runs one group of benchmarks: node bench/run.mjs GROUP [--rows a,b] [--steps n] [--soak n] [--no-default] [--realtime].
 * A group is a folder with `group.mjs`; its two sides are processes that speak the protocol of lib/participant.mjs.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runAlone, runDuel, runInTurns, runSoak } from './lib/duel.mjs';
import { describeMachine, load } from './lib/machine.mjs';
import { Progress } from './lib/progress.mjs';
import { round } from './lib/statistics.mjs';
import { formatTable } from './lib/table.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const DEFAULT_STEPS = 6;

function groups() {
  return readdirSync(here, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(`${here}${entry.name}/group.mjs`))
    .map(({ name }) => name);
}

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rows: { type: 'string' },
      steps: { type: 'string' },
      soak: { type: 'string' },
      realtime: { type: 'boolean', default: false },
      'no-default': { type: 'boolean', default: false },
    },
  });
  const known = groups();
  const [group] = positionals;
  if (positionals.length !== 1 || !known.includes(group)) {
    throw new Error(
      `name one group of: ${known.join(', ')}. Example: npm run bench -- ${known[0]} --rows ROW --steps 12`,
    );
  }
  const count = (name) => {
    if (values[name] === undefined) return undefined;
    const number = Number(values[name]);
    if (!Number.isInteger(number) || number < 1)
      throw new Error(`--${name} ${values[name]}: a positive whole number is needed`);
    return number;
  };
  return {
    group,
    rows: values.rows?.split(','),
    steps: count('steps'),
    soak: count('soak'),
    realtime: values.realtime,
    withDefault: !values['no-default'],
  };
}

function chooseRows(all, wanted) {
  if (!wanted) return all;
  return wanted.map((name) => {
    const row = all.find((candidate) => candidate.name === name);
    if (!row) throw new Error(`--rows ${name}: the rows are ${all.map((candidate) => candidate.name).join(', ')}`);
    return row;
  });
}

function assertSameWork(row, ours, peer) {
  const error = Math.abs(ours.firstValue / peer.firstValue - 1);
  if (row.valueTolerance !== undefined && !(error <= row.valueTolerance)) {
    throw new Error(
      `${row.name}: our first result is ${ours.firstValue}, the peer's ${peer.firstValue}: not the same work`,
    );
  }
}

/** Of a row whose sides do other amounts of the same work: the ratios of time over that of the work. */
function perWork({ work }, ours, peer) {
  if (work === undefined) return {};
  const cpu = ours.cpuMinMs === undefined ? {} : { ratioCpuPerWork: round(ours.cpuMinMs / peer.cpuMinMs / work, 3) };
  return { work, ratioPerWork: round(ours.minMs / peer.minMs / work, 3), ...cpu };
}

async function measureRow(row, group, { steps, soak, withDefault, realtime }, progress) {
  const loadBefore = load();
  const sides = { ...group.sides, ...row.sides };
  const time = row.inTurns ? runInTurns : runDuel;
  const { ours, peer } = await time(row, sides, { steps, block: row.block ?? 1, realtime, progress });
  assertSameWork(row, ours, peer);
  const result = {
    name: row.name,
    ours,
    peer,
    ratioMin: round(ours.minMs / peer.minMs, 3),
    ratioMedian: round(ours.medianMs / peer.medianMs, 3),
    ratioPeak: round(ours.peakMb / peer.peakMb, 3),
    ...perWork(row, ours, peer),
  };
  // A row with sides of its own has no untuned peer.
  if (withDefault && row.sides === undefined && group.sides.peerDefault) {
    result.peerDefault = await runAlone(row, group.sides.peerDefault, {
      steps: DEFAULT_STEPS,
      variant: 'default',
      realtime,
    });
    progress.advance(DEFAULT_STEPS, `${row.name}: untuned peer ${result.peerDefault.minMs} ms`);
  }
  if (soak) result.soak = await runSoak(row, group.sides.ours, { steps: soak, progress });
  return { ...result, load: [loadBefore, load()] };
}

/** Rows that were not run this time keep their last result. */
function writeResults(name, { machine, peer, rows }) {
  const folder = `${here}results`;
  const file = `${folder}/${name}.json`;
  mkdirSync(folder, { recursive: true });
  const earlier = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).rows : [];
  const kept = earlier.filter((row) => !rows.some((fresh) => fresh.name === row.name));
  writeFileSync(`${file}.tmp`, `${JSON.stringify({ machine, peer, rows: [...kept, ...rows] }, null, 2)}\n`);
  renameSync(`${file}.tmp`, file);
  return file;
}

function summary(rows) {
  const line = ({ name, ours, peer, peerDefault, ratioMin, ratioMedian, ratioPeak }) => [
    name,
    ours.minMs,
    peer.minMs,
    ratioMin,
    ours.medianMs,
    peer.medianMs,
    ratioMedian,
    ours.peakMb,
    peer.peakMb,
    ratioPeak,
    peer.alone?.minMs ?? '',
    peerDefault?.minMs ?? '',
  ];
  const header = [
    'row',
    'ours min',
    'peer min',
    'ratio',
    'ours med',
    'peer med',
    'ratio',
    'ours MB',
    'peer MB',
    'ratio',
    'peer alone',
    'untuned',
  ];
  return formatTable(header, rows.map(line));
}

const options = readArguments();
const { createGroup } = await import(`./${options.group}/group.mjs`);
const group = await createGroup({ note: (text) => console.error(text) });
try {
  const chosen = chooseRows(group.rows, options.rows);
  const stepsOf = (row) => options.steps ?? row.steps;
  const waits = (row) => 2 * (row.block ?? 1) + (options.withDefault ? DEFAULT_STEPS : 0);
  const work = chosen.reduce((sum, row) => sum + stepsOf(row) + (row.inTurns ? 0 : waits(row)), 0);
  const progress = new Progress(work);
  const rows = [];
  const machine = { ...describeMachine(), realtime: options.realtime };
  for (const row of chosen) {
    rows.push(await measureRow(row, group, { ...options, steps: stepsOf(row) }, progress));
    const file = writeResults(options.group, { machine, peer: group.peer, rows });
    progress.note(`${row.name}: written to ${file}`);
  }
  console.log(`\nmilliseconds per step, peak resident memory in MB (runtime included); peer: ${group.peer}\n`);
  console.log(summary(rows));
} finally {
  group.close();
}
