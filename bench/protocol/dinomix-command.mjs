import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../lib/command.mjs';

const manifest = createRequire(import.meta.url).resolve('@dinomix/cli/package.json');
/** The program behind the command `dinomix`. */
export const DINOMIX = join(dirname(manifest), 'bin', 'dinomix.mjs');
/** The config of {@link dinomixCommand}. */
export const CONFIG = fileURLToPath(new URL('preset.config.mjs', import.meta.url));

/** The environment that tells the config its task. */
export const taskEnvironment = (task) => ({ DINOMIX_BENCH_TASK: JSON.stringify(task) });

/** Runs `dinomix ARGS --config` with the config of a task, and measures it. @param enter - changes the command before it starts */
export function dinomixCommand(args, task, { config = true, onLine, enter = (command) => command } = {}) {
  const command = enter({
    command: process.execPath,
    args: [DINOMIX, ...args, ...(config ? ['--config', CONFIG] : [])],
    env: taskEnvironment(task),
    cwd: dirname(CONFIG),
  });
  return runCommand({ ...command, ...(onLine ? { onLine } : {}) });
}
