import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** How the command ended. */
export interface Ended {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** The command while it runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when the output so far, both streams, matches. */
  seen(text: string | RegExp): Promise<void>;
}

const manifest = createRequire(import.meta.url).resolve('@dinomix/cli/package.json');
/** The built command, not its source. */
export const COMMAND = join(dirname(manifest), 'dist', 'bin.js');

/** Starts `dinomix` in a process of its own. */
export function startDinomix(folder: string, args: readonly string[]): Running {
  const child = spawn(process.execPath, [COMMAND, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const written = { out: '', err: '' };
  const waiting = new Set<() => void>();
  const collect = (stream: 'out' | 'err') => (text: string) => {
    written[stream] += text;
    for (const check of waiting) check();
  };
  child.stdout.setEncoding('utf8').on('data', collect('out'));
  child.stderr.setEncoding('utf8').on('data', collect('err'));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, ...written }));
  });
  const seen = (text: string | RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const all = written.out + written.err;
        if (typeof text === 'string' ? !all.includes(text) : !text.test(all)) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
      void ended.then(({ out, err }) => reject(new Error(`ended before it wrote ${text}:\n${out}\n${err}`)));
    });
  return { child, ended, seen };
}

/** Runs `dinomix` to its end. */
export function dinomix(folder: string, ...args: readonly string[]): Promise<Ended> {
  return startDinomix(folder, args).ended;
}
