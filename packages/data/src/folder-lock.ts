import { link, rename, unlink, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { hasEnded, ownProcess, type ProcessIdentity, readRegularFile, temporaryPath } from '@dinomix/volume';
import { z } from 'zod';

/** Milliseconds between two looks at a lock that another process holds. */
const PAUSE = 200;

const holderSchema = z.object({ pid: z.int().positive(), host: z.string(), began: z.string().nullable() });

/** Text of a lock; null where there is none. */
function textOf(file: string): Promise<string | null> {
  return readRegularFile(file, 'utf8').catch(() => null);
}

async function livingHolder(text: string | null): Promise<ProcessIdentity | null> {
  try {
    const holder = holderSchema.parse(JSON.parse(text ?? ''));
    return (await hasEnded(holder)) ? null : holder;
  } catch {
    // None, or not one of ours: locks are whole when they appear.
    return null;
  }
}

/** The process that holds a lock; null where none does, or none that is still there. */
export async function holderOf(file: string): Promise<ProcessIdentity | null> {
  return livingHolder(await textOf(file));
}

/**
 * Takes the lock of a process that has ended out of the way. Another may have taken it over since it was read: that one is put
 * back.
 */
async function removeDead(file: string, dead: string): Promise<void> {
  const aside = await temporaryPath(file);
  try {
    await rename(file, aside);
  } catch {
    return;
  }
  if ((await textOf(aside)) !== dead) await link(aside, file).catch(() => undefined);
  await unlink(aside);
}

async function tryLock(file: string): Promise<ProcessIdentity | (() => Promise<void>)> {
  const own = `${JSON.stringify(await ownProcess())}\n`;
  for (;;) {
    const present = await textOf(file);
    const holder = await livingHolder(present);
    if (holder !== null) return holder;
    if (present !== null) await removeDead(file, present);
    // Linked under its name when it is whole: nobody ever reads a lock that does not say whose it is.
    const whole = await temporaryPath(file);
    await writeFile(whole, own);
    try {
      await link(whole, file);
      return async () => {
        if ((await textOf(file)) === own) await unlink(file).catch(() => undefined);
      };
    } catch (thrown) {
      // Another process was faster.
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
    } finally {
      await unlink(whole);
    }
  }
}

/** How {@link lockFolder} meets another process. */
export interface BusyFolder {
  /** Called once where another process, or another task of this one, holds the lock; what it throws ends the wait. */
  readonly onBusy: (holder: ProcessIdentity) => void;
  readonly signal?: AbortSignal;
}

/**
 * Takes a lock for this process, as soon as no other holds it. The lock of a process that has ended is taken over; of one on
 * another machine nothing can be told.
 * @param file - the lock, in a folder that is there.
 * @returns gives it back.
 * @throws what `onBusy` throws, the reason of `signal`.
 */
export async function lockFolder(file: string, { onBusy, signal }: BusyFolder): Promise<() => Promise<void>> {
  for (let isTold = false; ; isTold = true) {
    const taken = await tryLock(file);
    if (typeof taken === 'function') return taken;
    if (!isTold) onBusy(taken);
    await setTimeout(PAUSE, undefined, { signal }).catch(() => signal?.throwIfAborted());
  }
}

/** Tells a person what is waited for, and what to do where it is in vain. */
export function waitText(directory: string, file: string, { pid, host }: ProcessIdentity): string {
  return (
    `${directory} is in use by process ${pid} on ${host}: waiting until it has ended. ` +
    `If there is no such process any more, delete ${file}.`
  );
}
