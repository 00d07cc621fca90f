// npm run fuzz -- --inputs 20000 | --seconds 3600 | --seed 7 | --kind mgz | --index 123 (with --kind: one input)
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { KINDS, SOUND } from './kinds.mjs';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string', default: '1' },
    kind: { type: 'string' },
    index: { type: 'string' },
  },
});
const seed = Number(values.seed);
// What takes longer hangs: the slowest, through ITK, takes a second.
const LONGEST_MS = 60_000;
const PARTICIPANT = fileURLToPath(new URL('participant.mjs', import.meta.url));

/** The inputs in turn, kinds mixed by their shares, numbered by kind. */
function* plan() {
  const kinds = values.kind === undefined ? KINDS : KINDS.filter(({ name }) => name === values.kind);
  if (kinds.length === 0)
    throw new Error(`there is no kind ${values.kind}: ${KINDS.map(({ name }) => name).join(', ')}`);
  if (values.index !== undefined) return yield { kind: kinds[0].name, seed, index: Number(values.index) };
  // The sound samples themselves.
  for (const { name } of kinds) yield { kind: name, seed, index: SOUND };
  const total = kinds.reduce((sum, { share }) => sum + share, 0);
  const owed = kinds.map(() => 0);
  const given = kinds.map(() => 0);
  const most =
    values.inputs === undefined && values.seconds !== undefined
      ? Number.POSITIVE_INFINITY
      : Number(values.inputs ?? 20_000);
  for (let count = 0; count < most; count++) {
    for (const [at, { share }] of kinds.entries()) owed[at] += share / total;
    const next = owed.indexOf(Math.max(...owed));
    owed[next]--;
    yield { kind: kinds[next].name, seed, index: given[next]++ };
  }
}

function start() {
  const child = spawn(process.execPath, ['--expose-gc', PARTICIPANT], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  });
  // Writing to a process that has ended is told by its end.
  child.stdin.on('error', () => undefined);
  return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

async function answerOf(lines) {
  for (;;) {
    const { value, done } = await lines.next();
    if (done) return null;
    if (value.startsWith('\0')) return JSON.parse(value.slice(1));
  }
}

/** Asks for one input; a process that ends or hangs is a fault, and another one takes over. */
async function ask(state, input) {
  const { child, lines } = state.current;
  child.stdin.write(`${JSON.stringify(input)}\n`);
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve('hangs'), LONGEST_MS);
  });
  const answer = await Promise.race([answerOf(lines), late]);
  clearTimeout(timer);
  if (answer !== null && answer !== 'hangs') return answer;
  if (answer === 'hangs') child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  state.current = start();
  const fault = answer ?? `ended the process (${child.signalCode ?? `exit code ${child.exitCode}`})`;
  return { ...input, outcome: 'ended', fault };
}

function report(table, faults, seconds) {
  const width = Math.max(...[...table.keys()].map(({ length }) => length));
  for (const [name, { read, refused, faults: wrong }] of table) {
    console.log(
      `${name.padEnd(width)}  ${String(read + refused).padStart(6)} inputs  ${String(refused).padStart(6)} refused  ${wrong} faults`,
    );
  }
  const inputs = [...table.values()].reduce((sum, { read, refused }) => sum + read + refused, 0);
  console.log(`${inputs} inputs in ${Math.round(seconds)} s, seed ${seed}: ${faults.length} faults`);
  for (const { kind, index, fault } of faults) console.log(`\n${kind} ${index}: ${fault}`);
  if (faults.length > 0) console.log(`\nAgain: npm run fuzz -- --seed ${seed} --kind KIND --index NUMBER`);
}

const started = performance.now();
const seconds = () => (performance.now() - started) / 1000;
const table = new Map();
const faults = [];
const state = { current: start() };
let measures = true;
for (const input of plan()) {
  if (values.seconds !== undefined && seconds() >= Number(values.seconds)) break;
  const answer = await ask(state, input);
  const row = table.get(input.kind) ?? { read: 0, refused: 0, faults: 0 };
  table.set(input.kind, row);
  row[answer.outcome === 'read' ? 'read' : 'refused']++;
  measures &&= answer.measures !== false;
  if (answer.fault === null) continue;
  row.faults++;
  faults.push(answer);
}
state.current.child.stdin.end();
report(table, faults, seconds());
if (!measures)
  console.log('Memory was not measured: this system does not let a process reset its peak (/proc/self/clear_refs).');
process.exit(faults.length === 0 ? 0 : 1);
