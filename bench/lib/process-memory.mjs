import { readdirSync, readFileSync } from 'node:fs';

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Peak of one process in MB (VmHWM); 0 where it is gone. */
function peakOf(pid) {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024;
}

/** The process and all that it started. */
function familyOf(pid) {
  let threads = [];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return [pid];
  }
  const children = threads.flatMap((thread) => read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean));
  return [pid, ...children.flatMap((child) => familyOf(Number(child)))];
}

/**
 * Watches a process, with `family` also what it starts: the kernel keeps the peak of each, which is read now and then.
 * @returns a function that gives the sum of the peaks in MB and the number of processes so far, and ends the watch
 */
export function watchMemory(pid, { everyMs = 50, family = true } = {}) {
  const peaks = new Map([[pid, 0]]);
  const readPeaks = () => {
    for (const [one, before] of peaks) peaks.set(one, Math.max(before, peakOf(one)));
  };
  const findFamily = () => {
    for (const one of familyOf(pid)) if (!peaks.has(one)) peaks.set(one, 0);
  };
  const timers = [setInterval(readPeaks, everyMs), ...(family ? [setInterval(findFamily, 10 * everyMs)] : [])];
  for (const timer of timers) timer.unref();
  return () => {
    for (const timer of timers) clearInterval(timer);
    readPeaks();
    return { peakMb: [...peaks.values()].reduce((sum, peak) => sum + peak, 0), processes: peaks.size };
  };
}
