import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

function chrt(...args) {
  const done = spawnSync('chrt', args, { encoding: 'utf8' });
  return done.status === 0 ? undefined : (done.error?.message ?? done.stderr.trim());
}

/**
 * Runs `work` while all threads of a process have real-time priority: on a machine that others use too, the timed steps
 * then have the processors for themselves. Needs Linux, util-linux and the right to set the scheduler.
 */
export async function inRealTime(pid, work) {
  const problem = chrt('-a', '-f', '-p', '1', String(pid));
  if (problem)
    throw new Error(`--realtime: chrt could not set the priority (${problem}); run as root or leave the option out`);
  try {
    return await work();
  } finally {
    chrt('-a', '-o', '-p', '0', String(pid));
  }
}

/** Where memory runs out the kernel ends this process before any other program of the machine. */
export function preferredVictim(pid) {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
  } catch {
    // Not Linux, or the process is gone.
  }
}
