import { readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, loadavg, platform, totalmem } from 'node:os';
import { round } from './statistics.mjs';

/** What the numbers were measured on. */
export function describeMachine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: round(totalmem() / 2 ** 30, 1),
    avx512: cpuFlags().has('avx512f'),
    platform: `${platform()}-${arch()}`,
    node: process.versions.node,
  };
}

/** One-minute load average; above the number of busy threads of the benchmark, other programs took part. */
export function load() {
  return round(loadavg()[0]);
}

export function cpuFlags() {
  try {
    const line = readFileSync('/proc/cpuinfo', 'utf8').match(/^flags\s*:\s*(.*)$/m);
    return new Set(line ? line[1].split(' ') : []);
  } catch {
    return new Set();
  }
}

/** A field of /proc/self/status in MB (VmHWM is the peak, the runtime and its libraries included); undefined off Linux. */
export function processStatusMb(field) {
  try {
    const found = readFileSync('/proc/self/status', 'utf8').match(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm'));
    return found ? Number(found[1]) / 1024 : undefined;
  } catch {
    return undefined;
  }
}
