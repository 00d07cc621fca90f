// Runs the `dinomix` command as a person would, one process for each call.
import { spawn } from 'node:child_process';
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
let child = null;

// Ctrl-C reaches the command by itself, which ends in its own way; this only waits for it and starts no other.
process.on('SIGINT', () => {
  isInterrupted = true;
});
process.on('SIGTERM', () => {
  isInterrupted = true;
  child?.kill('SIGTERM');
});

/**
 * Runs `dinomix <args>` and shows what it writes.
 * @param args - arguments behind `dinomix`
 * @param options - `folder`: where it runs; `quiet`: keeps its standard output back
 * @throws CommandFailed unless it ends with 0
 */
export async function dinomix(args, { folder, quiet = false }) {
  if (isInterrupted) throw new CommandFailed(args, INTERRUPTED);
  child = spawn(process.execPath, [binary, ...args], {
    cwd: folder,
    stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit'],
  });
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status) => resolve(status ?? (isInterrupted ? INTERRUPTED : 1)));
  });
  if (code !== 0) throw new CommandFailed(args, code);
}
