import { join } from 'node:path';
import { holderOf, lockFolder } from '@dinomix/data/prepare';
import { makeFolder, type ProcessIdentity, VolumeError } from '@dinomix/volume';
import { checkpointFolder, hasCheckpoints } from '../checkpoint/checkpoints.js';
import { trainerError } from '../errors.js';

/** The file in a run folder that says which process works in it. */
function lockFile(directory: string): string {
  return join(directory, 'run.lock');
}

function locked(directory: string, { pid, host }: ProcessIdentity): Error {
  return trainerError('DMX_RUN_LOCKED', { directory, file: lockFile(directory), pid, host });
}

/** @throws DMX_RUN_EXISTS where a new run would mix with another's checkpoints. */
export async function assertNoCheckpoints(directory: string): Promise<void> {
  if (await hasCheckpoints(checkpointFolder(directory))) throw trainerError('DMX_RUN_EXISTS', { directory });
}

/** Makes the folder of a run where it is not there. @throws DMX_RUN_FOLDER where nothing can be written there. */
export async function makeRunFolder(directory: string): Promise<void> {
  await makeFolder(directory).catch((cause: unknown) => {
    if (!(cause instanceof VolumeError)) throw cause;
    const { problem, fix } = cause;
    throw trainerError('DMX_RUN_FOLDER', { directory, problem, fix }, { phase: 'load', cause });
  });
}

/**
 * Makes the folder of a run, or refuses one in which it cannot begin or go on, before anything is written into it.
 * @throws DMX_RUN_LOCKED where another process works in it; DMX_RUN_EXISTS; DMX_RUN_FOLDER.
 */
export async function assertRunFolder(directory: string, resume: boolean): Promise<void> {
  const holder = await holderOf(lockFile(directory));
  if (holder !== null) throw locked(directory, holder);
  if (!resume) await assertNoCheckpoints(directory);
  await makeRunFolder(directory);
}

/**
 * Takes a run folder for this process; the lock of a process that has ended is taken over.
 * @returns gives the folder back.
 * @throws DMX_RUN_LOCKED where another process, or another run of this one, works in it.
 */
export function lockRun(directory: string): Promise<() => Promise<void>> {
  return lockFolder(lockFile(directory), {
    onBusy: (holder) => {
      throw locked(directory, holder);
    },
  });
}
