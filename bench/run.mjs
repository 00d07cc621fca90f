/**
 * Runs one group of benchmarks: node bench/run.mjs GROUP [--rows a,b] [--steps n] [--soak n] [--no-default] [--realtime]
 * [--device name] [--size name].
 * A group is a folder with `group.mjs`; its two sides are processes that speak the protocol of lib/participant.mjs.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { endTogether } from './lib/command.mjs';
import { runAlone, runDuel, runInTurns, runSoak } from './lib/duel.mjs';
import { describeMachine, load } from './lib/machine.mjs';
import { SideEnded } from './lib/participant.mjs';
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
      device: { type: 'string', default: 'cpu' },
      // Another size than the real one shows that rows run, and has a file of results of its own.
      size: { type: 'string', default: 'real' },
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
    device: values.device,
    size: values.size,
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
  if (work === undefined || ours?.minMs === undefined || peer?.minMs === undefined) return {};
  const cpu = ours.cpuMinMs === undefined ? {} : { ratioCpuPerWork: round(ours.cpuMinMs / peer.cpuMinMs / work, 3) };
  return { work, ratioPerWork: round(ours.minMs / peer.minMs / work, 3), ...cpu };
}

/** What a row makes before it is timed; where our side does not come through that, only the peer is timed. */
async function prepareRow(row, sides) {
  if (row.prepare === undefined) return { prepared: row, sides };
  try {
    const { ours, peer, reference } = await row.prepare();
    return { prepared: { ...row, ours: { ...row.ours, ...ours }, peer: { ...row.peer, ...peer }, reference }, sides };
  } catch (error) {
    if (!(error instanceof SideEnded) || !row.reportsEnds) throw error;
    return { prepared: row, sides: { ...sides, ours: undefined }, end: error.outcome };
  }
}

/** Ratios of ours to the peer's; none where one of both did not end. */
function ratiosOf(ours, peer) {
  if (ours?.minMs === undefined || peer?.minMs === undefined) return {};
  return {
    ratioMin: round(ours.minMs / peer.minMs, 3),
    ratioMedian: round(ours.medianMs / peer.medianMs, 3),
    ratioPeak: round(ours.peakMb / peer.peakMb, 3),
    ...(peer.cached ? { ratioMinCached: round(ours.minMs / peer.cached.minMs, 3) } : {}),
  };
}

/** The peer by itself in other settings: as a first program would have it, or what the row names. */
async function measureExtras(row, sides, { withDefault, realtime }, progress) {
  const peer = sides.peerDefault ?? sides.peer;
  // A row with sides of its own has no untuned peer.
  const untuned =
    row.sides === undefined && sides.peerDefault ? { peerDefault: { variant: 'default', steps: DEFAULT_STEPS } } : {};
  const results = {};
  for (const [key, { variant, steps }] of withDefault && peer ? Object.entries(row.extras ?? untuned) : []) {
    results[key] = await runAlone(row, key === 'peerDefault' ? sides.peerDefault : sides.peer, {
      steps,
      variant,
      realtime,
    });
    progress.advance(steps, `${row.name}: ${key} ${results[key].minMs ?? results[key].outcome} ms`);
  }
  return results;
}

async function measureRow(row, group, { steps, soak, withDefault, realtime }, progress) {
  const loadBefore = load();
  if (row.measure) {
    const measured = await row.measure();
    progress.advance(steps, `${row.name}: ${measured.ours.outcome}`);
    return { name: row.name, ...measured, load: [loadBefore, load()] };
  }
  const { prepared, sides, end } = await prepareRow(row, { ...group.sides, ...row.sides });
  const time = row.inTurns ? runInTurns : runDuel;
  const timed = await time(prepared, sides, { steps, block: row.block ?? 1, realtime, progress });
  const { ours, peer } = { ours: end, ...timed };
  if (ours?.firstValue !== undefined && peer?.firstValue !== undefined) {
    assertSameWork(row, { firstValue: prepared.reference ?? ours.firstValue }, peer);
  }
  const result = {
    name: row.name,
    ours,
    ...(peer ? { peer } : {}),
    ...ratiosOf(ours, peer),
    ...perWork(row, ours, peer),
    ...((await row.compare?.()) ?? {}),
    ...(prepared.reference === undefined ? {} : { reference: prepared.reference }),
    ...(await measureExtras(prepared, sides, { withDefault, realtime }, progress)),
  };
  if (soak) result.soak = await runSoak(row, group.sides.ours, { steps: soak, progress });
  return { ...result, load: [loadBefore, load()] };
}

/** Rows that were not run this time keep their last result. */
function writeResults(name, { machine, peer, device, engine, rows }) {
  const folder = `${here}results`;
  const file = `${folder}/${name}.json`;
  mkdirSync(folder, { recursive: true });
  const earlier = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).rows : [];
  const kept = earlier.filter((row) => !rows.some((fresh) => fresh.name === row.name));
  writeFileSync(
    `${file}.tmp`,
    `${JSON.stringify({ machine, peer, device, engine, rows: [...kept, ...rows] }, null, 2)}\n`,
  );
  renameSync(`${file}.tmp`, file);
  return file;
}

function summary(rows) {
  const time = (side, field) => side?.[field] ?? (field === 'minMs' ? (side?.outcome ?? '') : '');
  const line = ({ name, ours, peer, peerDefault, ratioMin = '', ratioMedian = '', ratioPeak = '' }) => [
    name,
    ours.outcome && ours.outcome !== 'done' ? ours.outcome : time(ours, 'minMs'),
    time(peer, 'minMs'),
    ratioMin,
    time(ours, 'medianMs'),
    time(peer, 'medianMs'),
    ratioMedian,
    time(ours, 'peakMb'),
    time(peer, 'peakMb'),
    ratioPeak,
    peer?.alone?.minMs ?? '',
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

/** The group, on the device and at the size that were asked for. */
async function openGroup({ group: name, device, size }) {
  const { createGroup, DEVICES = ['cpu'], SIZE_NAMES = ['real'] } = await import(`./${name}/group.mjs`);
  if (!DEVICES.includes(device)) throw new Error(`--device ${device}: the group ${name} runs on ${DEVICES.join(', ')}`);
  if (!SIZE_NAMES.includes(size)) throw new Error(`--size ${size}: the group ${name} has ${SIZE_NAMES.join(', ')}`);
  return createGroup({ note: (text) => console.error(text), device, size });
}

/** Name of the file of results: another device or size never mixes with the rows of the README. */
function resultsName({ group, device, size }) {
  return [group, ...(device === 'cpu' ? [] : [device]), ...(size === 'real' ? [] : [size])].join('-');
}

async function main() {
  const options = readArguments();
  const group = await openGroup(options);
  try {
    const chosen = chooseRows(group.rows, options.rows);
    const stepsOf = (row) => (row.measure ? row.steps : (options.steps ?? row.steps));
    const extras = ({ extras: own }) =>
      own ? Object.values(own).reduce((sum, { steps }) => sum + steps, 0) : group.sides.peerDefault ? DEFAULT_STEPS : 0;
    const waits = (row) => (row.inTurns ? 0 : 2 * (row.block ?? 1)) + (options.withDefault ? extras(row) : 0);
    const work = chosen.reduce((sum, row) => sum + stepsOf(row) + (row.measure ? 0 : waits(row)), 0);
    const progress = new Progress(work);
    const rows = [];
    const machine = { ...describeMachine(), realtime: options.realtime };
    for (const row of chosen) {
      rows.push(await measureRow(row, group, { ...options, steps: stepsOf(row) }, progress));
      const { peer, engine } = group;
      const device = options.device === 'cpu' ? undefined : options.device;
      const file = writeResults(resultsName(options), { machine, peer, device, engine, rows });
      progress.note(`${row.name}: written to ${file}`);
    }
    console.log(`\nmilliseconds per step, peak resident memory in MB (runtime included); peer: ${group.peer}\n`);
    console.log(summary(rows));
  } finally {
    group.close();
  }
}

endTogether();
try {
  await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
