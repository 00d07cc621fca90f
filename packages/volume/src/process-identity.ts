import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';

/** A process, told apart from a later one that was given its number. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** When it began, in the kernel's own count; null where the system does not tell. */
  readonly began: string | null;
}

async function beganAt(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  // The name in parentheses may hold spaces; the start is the 20th field behind it.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

let own: Promise<ProcessIdentity> | undefined;

/** The identity of this process. */
export function ownProcess(): Promise<ProcessIdentity> {
  own ??= beganAt(process.pid).then((began) => ({ pid: process.pid, host: hostname(), began }));
  return own;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether a process has ended. Of one on another machine nothing can be told: it counts as there. */
export async function hasEnded({ pid, host, began }: ProcessIdentity): Promise<boolean> {
  if (host !== hostname()) return false;
  return !isRunning(pid) || (await beganAt(pid)) !== began;
}

/** A short name of a machine for file names, which its own name may not fit. */
export function hostTag(host: string): string {
  return createHash('sha256').update(host).digest('hex').slice(0, 8);
}
