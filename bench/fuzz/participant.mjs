import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { allowance, KINDS, SOUND, writeInput } from './kinds.mjs';
import { choices } from './mutate.mjs';

// Answers lines `{ kind, seed, index }` with what became of that input. Whatever else it prints is not its own.

const STACK = /\n\s+at .+:\d+/;
const RAW = new Set(['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'ZodError', 'AssertionError']);

function statusKb(field) {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line?.[1] ?? 0);
}

/** Forgets the peak of memory so far, where the system can. */
function resetPeak() {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with an error as a person would meet it; null where nothing is. */
function faultOf(thrown, file, folder) {
  if (!(thrown instanceof Error)) return `threw ${String(thrown)}`;
  const { message, name, code } = thrown;
  const text = [message, thrown.why, thrown.problem, thrown.summary]
    .filter((part) => typeof part === 'string')
    .join('\n');
  if (RAW.has(name) || !String(code).startsWith('DMX_')) return `raw ${name}: ${message.slice(0, 200)}`;
  if (STACK.test(text)) return `a stack trace in the message: ${text.slice(0, 300)}`;
  // A schema may say that it received undefined.
  if (/\[object Object\]|"code":|(?<!received )\bundefined\b/.test(text))
    return `an unreadable message: ${text.slice(0, 300)}`;
  return text.includes(file) || text.includes(folder) ? null : `does not name the file: ${text.slice(0, 200)}`;
}

async function attempt(kind, seed, index) {
  const folder = mkdtempSync(join(tmpdir(), 'dinomix-fuzz-'));
  try {
    const { file, bytes } = await writeInput(kind, folder, index === SOUND ? null : choices(seed, kind.name, index));
    const measures = resetPeak();
    const before = statusKb('VmRSS');
    let outcome = 'read';
    let fault = null;
    let reason = null;
    try {
      const problems = await kind.read(file, index);
      if (Array.isArray(problems) && problems.length > 0) {
        outcome = 'refused';
        reason = problems.join('; ');
        fault =
          problems
            .map((text) => faultOf(Object.assign(new Error(text), { code: 'DMX_' }), file, folder))
            .find((one) => one !== null) ?? null;
      }
    } catch (thrown) {
      outcome = 'refused';
      reason = String(thrown.message).slice(0, 600);
      fault = faultOf(thrown, file, join(file, '..'));
    }
    const taken = (statusKb('VmHWM') - before) * 1024;
    const excess = measures && taken > allowance(kind, bytes) ? taken : 0;
    return { outcome, fault, reason, excess, bytes, measures };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Memory that was taken counts where it is taken again: the first time machine code and heap may have grown. */
async function judge({ kind: name, seed, index }) {
  const kind = KINDS.find((one) => one.name === name);
  let found = await attempt(kind, seed, index);
  for (let again = 0; again < 2 && found.fault === null && found.excess > 0; again++) {
    globalThis.gc?.();
    found = await attempt(kind, seed, index);
  }
  const { outcome, excess, bytes, measures } = found;
  if (index === SOUND && outcome !== 'read') found.fault = `the sound sample is refused: ${found.reason}`;
  const fault =
    found.fault ?? (excess > 0 ? `took ${Math.round(excess / 2 ** 20)} MiB for a file of ${bytes} bytes` : null);
  return { index, kind: name, outcome, fault, measures };
}

for await (const line of createInterface({ input: process.stdin })) {
  const answer = await judge(JSON.parse(line));
  process.stdout.write(`\n\0${JSON.stringify(answer)}\n`);
}
