import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { memoryRoom, peakBytes } from './room.js';

const GIB = 2 ** 30;

/** A process of 1 GiB, of 3 GiB of addresses, on a machine that has 8 GiB left. */
const MACHINE = {
  'proc/meminfo': 'MemTotal:       16777216 kB\nMemFree:         1048576 kB\nMemAvailable:    8388608 kB\n',
  'proc/self/status': 'VmSize:\t 3145728 kB\nVmHWM:\t 2097152 kB\nRssAnon:\t 1048576 kB\n',
  'proc/self/limits':
    'Limit                     Soft Limit           Hard Limit           Units\nMax address space         unlimited            unlimited            bytes\n',
};

function rootWith(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'dinomix-room-'));
  for (const [path, text] of Object.entries({ ...MACHINE, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const V2_MOUNT = '30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n';
const V1_MOUNT = '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n';
const stat = (inactive: number, active: number, prefix = '') =>
  `${prefix}anon 1\n${prefix}inactive_file ${inactive}\n${prefix}active_file ${active}\n`;

describe('the memory that a process may hold', () => {
  it('is what it holds and what the machine has left', () => {
    expect(memoryRoom(rootWith({}))).toEqual({ bytes: 9 * GIB, bound: 'machine' });
  });

  it('is bounded by the control group, version 2; pages of files are given back', () => {
    const root = rootWith({
      'proc/self/mountinfo': V2_MOUNT,
      'proc/self/cgroup': '0::/user.slice/job\n',
      'sys/fs/cgroup/user.slice/job/memory.max': `${6 * GIB}\n`,
      'sys/fs/cgroup/user.slice/job/memory.current': `${5 * GIB}\n`,
      'sys/fs/cgroup/user.slice/job/memory.stat': stat(2 * GIB, GIB),
    });
    // 6 - (5 - 3) = 4 left, and the process's own.
    expect(memoryRoom(root)).toEqual({ bytes: 5 * GIB, bound: 'control group' });
  });

  it('is bounded by a group above the own one, and by no group without a limit', () => {
    const group = 'sys/fs/cgroup/user.slice';
    const root = rootWith({
      'proc/self/mountinfo': V2_MOUNT,
      'proc/self/cgroup': '0::/user.slice/job\n',
      [`${group}/job/memory.max`]: 'max\n',
      [`${group}/job/memory.current`]: `${GIB}\n`,
      [`${group}/memory.max`]: `${3 * GIB}\n`,
      [`${group}/memory.current`]: `${2 * GIB}\n`,
      [`${group}/memory.stat`]: stat(0, 0),
    });
    expect(memoryRoom(root)).toEqual({ bytes: 2 * GIB, bound: 'control group' });
  });

  it('is bounded by the control group, version 1, beside an empty version 2', () => {
    const group = 'sys/fs/cgroup/memory/docker/abc';
    const root = rootWith({
      'proc/self/mountinfo': `${V1_MOUNT}41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n`,
      'proc/self/cgroup': '9:name=systemd:/\n4:cpu,memory:/docker/abc\n0::/\n',
      [`${group}/memory.limit_in_bytes`]: `${4 * GIB}\n`,
      [`${group}/memory.usage_in_bytes`]: `${3 * GIB}\n`,
      [`${group}/memory.stat`]: stat(GIB, 0, 'total_'),
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      'sys/fs/cgroup/memory/memory.usage_in_bytes': `${12 * GIB}\n`,
      'sys/fs/cgroup/memory/memory.stat': stat(0, 0, 'total_'),
    });
    expect(memoryRoom(root)).toEqual({ bytes: 3 * GIB, bound: 'control group' });
  });

  it('finds the group of a container that shows it as the top', () => {
    const root = rootWith({
      'proc/self/mountinfo': V1_MOUNT.replace(' / ', ' /docker/abc '),
      'proc/self/cgroup': '4:memory:/docker/abc\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': `${2 * GIB}\n`,
      'sys/fs/cgroup/memory/memory.usage_in_bytes': `${GIB}\n`,
    });
    expect(memoryRoom(root)).toEqual({ bytes: 2 * GIB, bound: 'control group' });
  });

  it('is bounded by ulimit -v', () => {
    const limits = MACHINE['proc/self/limits'].replace('unlimited ', `${5 * GIB} `);
    expect(memoryRoom(rootWith({ 'proc/self/limits': limits }))).toEqual({ bytes: 3 * GIB, bound: 'address space' });
  });

  it('is nothing more where a group is full', () => {
    const root = rootWith({
      'proc/self/mountinfo': V2_MOUNT,
      'proc/self/cgroup': '0::/\n',
      'sys/fs/cgroup/memory.max': `${GIB}\n`,
      'sys/fs/cgroup/memory.current': `${2 * GIB}\n`,
    });
    expect(memoryRoom(root)).toEqual({ bytes: GIB, bound: 'control group' });
  });
});

it.runIf(process.platform === 'linux')('the most so far is at least what is held now, and not that of a parent', () => {
  const held = process.memoryUsage().rss;
  const block = new Uint8Array(2e8).fill(1);
  expect(peakBytes()).toBeGreaterThan(1.5e8);
  expect(peakBytes()).toBeGreaterThanOrEqual(held);
  expect(block.length).toBe(2e8);
});
