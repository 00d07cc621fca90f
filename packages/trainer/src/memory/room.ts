import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import type { MemoryRoom } from '@dinomix/core';
import { controlGroupRoom } from './control-group.js';

/** A number of kibibytes out of a file of /proc, in bytes; NaN where there is none. */
function kibibytes(path: string, name: string): number {
  try {
    const line = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(path, 'utf8'));
    return 1024 * Number(line?.[1] ?? Number.NaN);
  } catch {
    return Number.NaN;
  }
}

/** Bytes that `ulimit -v` still leaves; infinite without such a limit. */
function addressRoom(root: string): number {
  try {
    const limits = readFileSync(join(root, 'proc/self/limits'), 'utf8');
    const most = Number(/^Max address space\s+(\d+)/m.exec(limits)?.[1] ?? Number.NaN);
    const room = most - kibibytes(join(root, 'proc/self/status'), 'VmSize');
    return Number.isNaN(room) ? Number.POSITIVE_INFINITY : Math.max(0, room);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** macOS counts as free only what nobody ever used; what it gives back on demand is most of the rest. */
function machineRoom(root: string): number {
  const available = kibibytes(join(root, 'proc/meminfo'), 'MemAvailable');
  if (!Number.isNaN(available)) return available;
  return process.platform === 'darwin' ? totalmem() : freemem();
}

/** Bytes of this process that are not pages of files. */
function ownBytes(root: string): number {
  const anonymous = kibibytes(join(root, 'proc/self/status'), 'RssAnon');
  return Number.isNaN(anonymous) ? process.memoryUsage().rss : anonymous;
}

/**
 * The memory that this process may hold: what it holds, and the least of what the machine, its control groups and the limit
 * of its address space leave.
 * @param root - folder under which /proc and /sys are looked for.
 */
export function memoryRoom(root = '/'): MemoryRoom {
  const rooms: readonly MemoryRoom[] = [
    { bytes: machineRoom(root), bound: 'machine' },
    { bytes: controlGroupRoom(root), bound: 'control group' },
    { bytes: addressRoom(root), bound: 'address space' },
  ];
  const least = rooms.reduce((a, b) => (b.bytes < a.bytes ? b : a));
  return { ...least, bytes: least.bytes + ownBytes(root) };
}

/** Most memory that this process has held so far, bytes. What it inherits from a larger parent is not counted on Linux. */
export function peakBytes(): number {
  const peak = kibibytes('/proc/self/status', 'VmHWM');
  return Number.isNaN(peak) ? 1024 * process.resourceUsage().maxRSS : peak;
}
