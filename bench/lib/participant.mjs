import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { inRealTime } from './priority.mjs';

const STDERR_KEPT = 4000;
const REST_MS = 500;

/** A child process that answers one JSON line for one JSON line. Between requests it only waits on its standard input. */
export class Participant {
  constructor({ name, command, args, env }) {
    this.name = name;
    this.started = performance.now();
    this.child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    this.complaints = '';
    this.child.stderr.setEncoding('utf8').on('data', (text) => {
      this.complaints = (this.complaints + text).slice(-STDERR_KEPT);
    });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    this.ended = new Promise((resolve) => {
      this.child.once('error', (error) => resolve(error.message));
      this.child.once('close', (code, signal) => resolve(signal ? `ended by ${signal}` : `ended with status ${code}`));
    });
    // Writing to a process that is gone is reported by request(), which knows what it said before.
    this.child.stdin.on('error', () => {});
  }

  async request(message) {
    this.child.stdin.write(`${JSON.stringify(message)}\n`);
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`${this.name}: ${await this.ended}\n${this.complaints}`);
    const reply = JSON.parse(value);
    if (reply.error) throw new Error(`${this.name}: ${reply.error}\n${this.complaints}`);
    return reply;
  }

  /** Runs `n` timed steps; with `realtime` at real-time priority, then leaves the processors to the others for a while. */
  async steps(n, realtime) {
    const request = () => this.request({ cmd: 'step', n });
    if (!realtime) return request();
    const reply = await inRealTime(this.child.pid, request);
    await pause(REST_MS);
    return reply;
  }

  async stop() {
    this.child.stdin.end(`${JSON.stringify({ cmd: 'exit' })}\n`);
    await this.ended;
  }
}
