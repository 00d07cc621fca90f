import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const ROOT = '/sys/fs/cgroup';

/** Where this process stands in version 2, the folder of a new group beside it, and the files that limit it. */
function places() {
  const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/';
  const name = `dinomix-bench-${process.pid}`;
  const second = { limit: 'memory.max', swap: 'memory.swap.max', noSwap: '0' };
  const first = { limit: 'memory.limit_in_bytes', swap: 'memory.swappiness', noSwap: '0' };
  return [
    // A group that holds processes cannot share memory out to groups below it, so the new one stands beside ours.
    { kind: 'cgroup v2', folder: join(ROOT, own, '..', name), ...second },
    { kind: 'cgroup v2', folder: join(ROOT, name), ...second },
    { kind: 'cgroup v1', folder: join(ROOT, 'memory', name), ...first },
  ];
}

/** Makes the group and sets its limit. @returns whether both could be done */
function isLimited({ folder, limit, swap, noSwap }, bytes) {
  try {
    mkdirSync(folder);
  } catch {
    return false;
  }
  try {
    if (existsSync(join(folder, swap))) writeFileSync(join(folder, swap), noSwap);
    // In a file system that is none of cgroups a file of this name could be made, but would not be there before.
    if (existsSync(join(folder, limit))) {
      writeFileSync(join(folder, limit), String(bytes));
      return true;
    }
  } catch {
    // Read-only, or not ours to set.
  }
  rmdirSync(folder);
  return false;
}

/**
 * A group of processes whose memory the kernel limits, without swap; undefined where none may be made.
 * `enter` turns a command into one that starts inside of it.
 */
export function openCgroup(bytes) {
  if (!existsSync('/proc/self/cgroup')) return undefined;
  const place = places().find((one) => isLimited(one, bytes));
  if (place === undefined) return undefined;
  const { kind, folder } = place;
  return {
    kind,
    enter: ({ command, args, ...rest }) => ({
      ...rest,
      command: 'sh',
      args: ['-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', folder, command, ...args],
    }),
    async close() {
      // The kernel takes a moment to let go of the last process.
      for (let attempt = 0; attempt < 50; attempt++) {
        try {
          return rmdirSync(folder);
        } catch {
          await pause(100);
        }
      }
    },
  };
}
