// Runs the `dinomix` command as a person would, one process for each call.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const binary = fileURLToPath(new URL('./bin.js', import.meta.resolve('@dinomix/cli')));

/** Exit code of what Ctrl-C ended. */
export const INTERRUPTED = 130;

/** A command that did not end with 0. */
export class CommandFailed extends Error {
  constructor(args, code) {
    super(`dinomix ${args.join(' ')} ended with ${code}`);
    this.code = code;
  }
}

let isInterrupted = false;
const running = new Set();

// Ctrl-C reaches the commands by itself, which end in their own way; this only waits for them and starts no other.
process.on('SIGINT', () => {
  isInterrupted = true;
});
process.on('SIGTERM', () => {
  isInterrupted = true;
  for (const child of running) child.kill('SIGTERM');
});

/** Writes every line of a stream behind a label. */
function relay(stream, target, label) {
  createInterface({ input: stream }).on('line', (line) => target.write(`${label}  ${line}\n`));
}

/**
 * Runs `dinomix <args>` and shows what it writes.
 * @param args - arguments behind `dinomix`
 * @param options - `folder`: where it runs; `quiet`: keeps its standard output back; `label`: what its lines begin with, for
 * commands that run side by side
 * @throws CommandFailed unless it ends with 0
 */
export async function dinomix(args, { folder, quiet = false, label = null }) {
  if (isInterrupted) throw new CommandFailed(args, INTERRUPTED);
  const shown = label === null ? 'inherit' : 'pipe';
  const child = spawn(process.execPath, [binary, ...args], {
    cwd: folder,
    stdio: ['ignore', quiet ? 'ignore' : shown, shown],
  });
  running.add(child);
  if (label !== null) {
    relay(child.stdout, process.stdout, label);
    relay(child.stderr, process.stderr, label);
  }
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve(status ?? (isInterrupted ? INTERRUPTED : 1)));
  });
  running.delete(child);
  if (code !== 0) throw new CommandFailed(args, code);
}
