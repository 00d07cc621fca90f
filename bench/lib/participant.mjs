import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { describeEnd, describeProblem } from './command.mjs';
import { inRealTime, preferredVictim } from './priority.mjs';
import { watchMemory } from './process-memory.mjs';
import { round } from './statistics.mjs';

const STDERR_KEPT = 4000;
const LAST_WORDS_MS = 100;
/** Pause after a request at real-time priority. */
export const REST_MS = 500;

/** A side that cannot go on: `outcome` says whether it was killed, refused or failed, why, and what memory it had taken. */
export class SideEnded extends Error {
  constructor(message, outcome) {
    super(message);
    this.outcome = outcome;
  }
}

/** A child process that answers one JSON line for one JSON line. Between requests it only waits on its standard input. */
export class Participant {
  constructor({ name, command, args, env }) {
    this.name = name;
    this.started = performance.now();
    this.child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    preferredVictim(this.child.pid);
    // Seldom and of one process: reading /proc must not disturb what is timed.
    this.memory = watchMemory(this.child.pid, { everyMs: 500, family: false });
    this.complaints = '';
    this.child.stderr.setEncoding('utf8').on('data', (text) => {
      this.complaints = (this.complaints + text).slice(-STDERR_KEPT);
    });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    this.ended = new Promise((resolve) => {
      this.child.once('error', (error) => resolve(() => ({ outcome: 'failed', reason: error.message })));
      this.child.once('exit', (code, signal) => {
        // What it still had to say arrives after the exit; a grandchild may hold the pipe open, so do not wait for its end.
        setTimeout(resolve, LAST_WORDS_MS, () => describeEnd(code, signal, this.complaints));
      });
    });
    // Writing to a process that is gone is reported by request(), which knows what it said before.
    this.child.stdin.on('error', () => {});
  }

  async request(message) {
    this.child.stdin.write(`${JSON.stringify(message)}\n`);
    const { value, done } = await this.lines.next();
    if (done) this.fail((await this.ended)());
    const reply = JSON.parse(value);
    if (reply.error) {
      this.fail(describeProblem(reply.error));
    }
    return reply;
  }

  fail(end) {
    const { peakMb } = this.memory();
    throw new SideEnded(`${this.name}: ${end.reason}\n${this.complaints}`, { ...end, peakMb: round(peakMb, 1) });
  }

  /** A request whose work is timed; with `realtime` it has the processors for itself, and leaves them to others for a while after. */
  async timed(message, realtime) {
    if (!realtime) return this.request(message);
    const reply = await inRealTime(this.child.pid, () => this.request(message));
    await pause(REST_MS);
    return reply;
  }

  /** Runs `n` timed steps. */
  steps(n, realtime) {
    return this.timed({ cmd: 'step', n }, realtime);
  }

  async stop() {
    this.child.stdin.end(`${JSON.stringify({ cmd: 'exit' })}\n`);
    await this.ended;
    this.memory();
  }
}
