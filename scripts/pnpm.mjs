// Finds the pinned pnpm, or fetches it with npx: a fresh machine needs only Node and npm.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const pinned = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).packageManager;
const version = pinned.slice('pnpm@'.length);

function installedVersion() {
  const found = spawnSync('pnpm', ['--version'], { cwd: root, encoding: 'utf8', shell: process.platform === 'win32' });
  return found.status === 0 ? found.stdout.trim() : undefined;
}

/** Runs the pinned pnpm in the workspace root and returns its exit status. */
export function pnpm(args, options = {}) {
  const [command, prefix] = installedVersion() === version ? ['pnpm', []] : ['npx', ['--yes', pinned]];
  const done = spawnSync(command, [...prefix, ...args], {
    cwd: root,
    stdio: 'inherit',
    shell: process.platform === 'win32',
    ...options,
    env: { ...process.env, ...options.env },
  });
  if (done.error) throw done.error;
  return done.status ?? 1;
}
