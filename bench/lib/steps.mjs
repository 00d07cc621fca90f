import { processStatusMb } from './machine.mjs';

/**
 * Answers the request `step`: runs a step `n` times.
 * @returns milliseconds of each, by the clock and of all processors, the last value and the memory of the process; with
 * `eachRss` also its memory after each
 */
export async function timeSteps({ n, eachRss = false }, run) {
  const ms = [];
  const cpuMs = [];
  const rssEach = [];
  let value;
  for (let i = 0; i < n; i++) {
    const [start, used] = [performance.now(), process.cpuUsage()];
    value = await run();
    ms.push(performance.now() - start);
    const { user, system } = process.cpuUsage(used);
    cpuMs.push((user + system) / 1000);
    if (eachRss) rssEach.push(processStatusMb('VmRSS'));
  }
  const memory = { peakMb: processStatusMb('VmHWM'), rssMb: processStatusMb('VmRSS') };
  return { ms, cpuMs, value, ...memory, ...(eachRss ? { rssEach } : {}) };
}
