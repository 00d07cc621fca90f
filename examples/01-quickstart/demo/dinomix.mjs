// Runs the `dinomix` command as a person would, one process for each call.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const binary = fileURLToPath(new URL('./bin.js', import.meta.resolve('@dinomix/cli')));

/** A command that did not end with 0. */
export class CommandFailed extends Error {
  constructor(args, code) {
    super(`dinomix ${args.join(' ')} ended with ${code}`);
    this.code = code;
  }
}

/**
 * Runs `dinomix <args>` and shows what it writes. Ctrl-C reaches the command itself; this only waits for it.
 * @param args - arguments behind `dinomix`
 * @param options - `folder`: where it runs; `quiet`: keeps its standard output back
 * @throws CommandFailed unless it ends with 0
 */
export async function dinomix(args, { folder, quiet = false }) {
  const child = spawn(process.execPath, [binary, ...args], {
    cwd: folder,
    stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit'],
  });
  const terminate = () => child.kill('SIGTERM');
  const wait = () => undefined;
  process.on('SIGTERM', terminate);
  process.on('SIGINT', wait);
  try {
    const code = await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (status, signal) => resolve(status ?? (signal === 'SIGINT' ? 130 : 1)));
    });
    if (code !== 0) throw new CommandFailed(args, code);
  } finally {
    process.off('SIGTERM', terminate);
    process.off('SIGINT', wait);
  }
}
