import { processStatusMb } from './machine.mjs';

/**
 * Answers the request `step`: runs a step `n` times.
 * @returns milliseconds of each, the last value and the memory of the process; with `eachRss` also its memory after each
 */
export async function timeSteps({ n, eachRss = false }, run) {
  const ms = [];
  const rssEach = [];
  let value;
  for (let i = 0; i < n; i++) {
    const start = performance.now();
    value = await run();
    ms.push(performance.now() - start);
    if (eachRss) rssEach.push(processStatusMb('VmRSS'));
  }
  const memory = { peakMb: processStatusMb('VmHWM'), rssMb: processStatusMb('VmRSS') };
  return { ms, value, ...memory, ...(eachRss ? { rssEach } : {}) };
}
