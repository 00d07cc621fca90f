import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

/** The files of one version of control groups. */
interface Version {
  readonly limit: string;
  readonly used: string;
  /** Entries of memory.stat with what the kernel gives back on demand: pages of files. */
  readonly files: readonly string[];
}

const V1: Version = {
  limit: 'memory.limit_in_bytes',
  used: 'memory.usage_in_bytes',
  files: ['total_inactive_file', 'total_active_file'],
};
const V2: Version = { limit: 'memory.max', used: 'memory.current', files: ['inactive_file', 'active_file'] };

/** Where the groups of one version lie, and which of them is this process's. */
interface Mount {
  readonly version: Version;
  /** Folder of the mount. */
  readonly top: string;
  /** Path of the group below it. */
  readonly group: string;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The path of a group under a mount that shows the groups from `from` on; in a container it often shows only the own one. */
function below(from: string, path: string): string {
  if (from === '/') return path;
  return path === from || path.startsWith(`${from}/`) ? path.slice(from.length) : '';
}

/** Reads proc(5) mountinfo and cgroup. */
function mountsOf(root: string): readonly Mount[] {
  const groups = textOf(join(root, 'proc/self/cgroup'))
    .split('\n')
    .map((line) => /^\d+:([^:]*):(.*)$/.exec(line));
  const groupOf = (wanted: (controllers: readonly string[]) => boolean): string | undefined =>
    groups.find((found) => found && wanted(found[1]!.split(',')))?.[2];
  const lines = textOf(join(root, 'proc/self/mountinfo')).split('\n');
  return lines.flatMap((line): Mount[] => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , from = '/', top = ''] = before.split(' ');
    const [type, , options = ''] = after.split(' ');
    const isV1 = type === 'cgroup' && options.split(',').includes('memory');
    if (!isV1 && type !== 'cgroup2') return [];
    const path = groupOf((names) => (isV1 ? names.includes('memory') : names.join() === ''));
    return path === undefined ? [] : [{ version: isV1 ? V1 : V2, top, group: below(from, path) }];
  });
}

/** Bytes below the limit of one group; infinite without a limit. */
function roomIn(folder: string, { limit, used, files }: Version): number {
  const most = Number.parseInt(textOf(join(folder, limit)), 10);
  const current = Number.parseInt(textOf(join(folder, used)), 10);
  if (Number.isNaN(most) || Number.isNaN(current)) return Number.POSITIVE_INFINITY;
  const stat = textOf(join(folder, 'memory.stat')).split('\n');
  const given = files.map((name) => Number(stat.find((line) => line.startsWith(`${name} `))?.split(' ')[1] ?? 0));
  const held = Math.max(0, current - given.reduce((sum, bytes) => sum + bytes, 0));
  return Math.max(0, most - held);
}

/**
 * Bytes that the control groups of this process, versions 1 and 2, still leave it: the least over its own group and those
 * above. Infinite where none has a limit; version 1 writes a number near 2^63 for that.
 * @param root - folder under which /proc and /sys are looked for.
 */
export function controlGroupRoom(root: string): number {
  const rooms = mountsOf(root).flatMap(({ version, top, group }) => {
    const parts = posix.normalize(group).split('/').filter(Boolean);
    const folders = [...Array(parts.length + 1).keys()].map((depth) => join(root, top, ...parts.slice(0, depth)));
    return folders.map((folder) => roomIn(folder, version));
  });
  return Math.min(Number.POSITIVE_INFINITY, ...rooms);
}
