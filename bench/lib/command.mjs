import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { preferredVictim } from './priority.mjs';
import { watchMemory } from './process-memory.mjs';

const STDERR_KEPT = 4000;
const REASON_KEPT = 1500;

/** What a side says of its problem: an error code of ours is a refusal, which names cause and cure. */
export function describeProblem(text) {
  const outcome = /^killed\b/.test(text) ? 'killed' : /DMX_\w+/.test(text) ? 'refused' : 'failed';
  return { outcome, reason: text.trim().slice(0, REASON_KEPT) };
}

/** How a process ended, in words that tell a kill for memory from a refusal. */
export function describeEnd(code, signal, complaints) {
  if (signal === 'SIGKILL' || code === 137) return describeProblem('killed by SIGKILL: memory was short');
  const how = signal ? `ended by ${signal}` : `ended with status ${code}`;
  return describeProblem(`${how}: ${complaints.trim()}`);
}

/**
 * Runs a command to its end.
 * @param onLine - hears each line of its standard output
 * @returns outcome (`done`, `killed`, `refused`, `failed`), milliseconds from start to end, and the summed peak of memory
 */
export async function runCommand({ command, args, env = {}, cwd, onLine = () => {} }) {
  const started = performance.now();
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complaints = (complaints + text).slice(-STDERR_KEPT);
  });
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: 127, signal: null, error: error.message }));
    child.once('exit', (code, signal) => resolve({ code, signal, ms: performance.now() - started }));
  });
  if (child.pid === undefined) return { outcome: 'failed', reason: (await ended).error };
  preferredVictim(child.pid);
  const stop = () => child.kill('SIGKILL');
  process.once('exit', stop);
  const memory = watchMemory(child.pid);
  const lines = (async () => {
    for await (const line of createInterface({ input: child.stdout })) onLine(line);
  })();
  const { code, signal, ms } = await ended;
  process.off('exit', stop);
  await lines;
  const { peakMb, processes } = memory();
  const end = code === 0 ? { outcome: 'done' } : describeEnd(code, signal, complaints);
  return { ...end, ms, peakMb, processes };
}

/** Ends what was started with this process, where a signal ends it. */
export function endTogether() {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
}
