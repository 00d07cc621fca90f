import { randomUUID } from 'node:crypto';
import { link, readFile, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { readRegularFile } from '@dinomix/volume';
import { z } from 'zod';
import { checkpointFolder, hasCheckpoints } from '../checkpoint/checkpoints.js';
import { trainerError } from '../errors.js';

/** Name of the file in a run folder that says which process works in it. */
const NAME = 'run.lock';

const holderSchema = z.object({
  pid: z.int().positive(),
  host: z.string(),
  /** When the process began, in the kernel's own count; null where the system does not tell. */
  began: z.string().nullable(),
});

type Holder = z.infer<typeof holderSchema>;

/** A process that has ended may have left its number to another: the two began at different times. */
async function beganAt(pid: number): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  // The name in parentheses may hold spaces; the start is the 20th field behind it.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The process that works in the folder; null where none does, or none that is still there. */
async function holderOf(directory: string): Promise<Holder | null> {
  const text = await readRegularFile(join(directory, NAME), 'utf8').catch(() => null);
  if (text === null) return null;
  let holder: Holder;
  try {
    holder = holderSchema.parse(JSON.parse(text));
  } catch {
    // Not one of ours.
    return null;
  }
  // Of another machine nothing can be told.
  if (holder.host !== hostname()) return holder;
  return isRunning(holder.pid) && (await beganAt(holder.pid)) === holder.began ? holder : null;
}

async function assertUnlocked(directory: string): Promise<void> {
  const holder = await holderOf(directory);
  if (holder !== null) throw trainerError('DMX_RUN_LOCKED', { directory, file: join(directory, NAME), ...holder });
}

/** @throws DMX_RUN_EXISTS where a new run would mix with another's checkpoints. */
export async function assertNoCheckpoints(directory: string): Promise<void> {
  if (await hasCheckpoints(checkpointFolder(directory))) throw trainerError('DMX_RUN_EXISTS', { directory });
}

/**
 * Refuses a folder in which a run cannot begin or go on, before anything is written into it.
 * @throws DMX_RUN_LOCKED where another process works in it; DMX_RUN_EXISTS.
 */
export async function assertRunFolder(directory: string, resume: boolean): Promise<void> {
  await assertUnlocked(directory);
  if (!resume) await assertNoCheckpoints(directory);
}

/**
 * Takes a run folder for this process; the lock of a process that has ended is taken over.
 * @returns gives the folder back.
 * @throws DMX_RUN_LOCKED where another process, or another run of this one, works in it.
 */
export async function lockRun(directory: string): Promise<() => Promise<void>> {
  const file = join(directory, NAME);
  await assertUnlocked(directory);
  await unlink(file).catch(() => undefined);
  const own: Holder = { pid: process.pid, host: hostname(), began: await beganAt(process.pid) };
  // Linked under its name when it is whole: nobody ever reads a lock that does not say whose it is.
  const whole = `${file}.${randomUUID()}.tmp`;
  await writeFile(whole, `${JSON.stringify(own)}\n`);
  try {
    await link(whole, file);
  } catch (thrown) {
    // Another process was faster.
    if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') await assertUnlocked(directory);
    throw thrown;
  } finally {
    await unlink(whole);
  }
  return () => unlink(file).catch(() => undefined);
}
