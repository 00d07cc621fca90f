/** Prints where the run is and when it will end, judged by the share of the work that is done. */
export class Progress {
  constructor(total) {
    this.total = total;
    this.done = 0;
    this.start = performance.now();
  }

  advance(amount, text) {
    this.done += amount;
    const elapsed = (performance.now() - this.start) / 1000;
    const left = this.done > 0 ? (elapsed / this.done) * Math.max(0, this.total - this.done) : 0;
    const line = `${Math.round((100 * this.done) / this.total)} %, about ${formatSeconds(left)} left  ${text}`;
    process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
  }

  note(text) {
    process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}${text}\n`);
  }
}

function formatSeconds(seconds) {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
