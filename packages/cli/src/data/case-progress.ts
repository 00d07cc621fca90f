import { createStatusLine, type StatusLine, type Terminal } from '../terminal.js';
import { duration } from '../text.js';

/** A line that tells how far a command is through the cases of a data set, and how long the rest will take. */
export interface CaseProgress extends StatusLine {
  /** Tells of a case that is done. */
  readonly advance: (caseId: string, done: number, total: number) => void;
}

/** Starts counting time. */
export function createCaseProgress(terminal: Terminal): CaseProgress {
  const line = createStatusLine(terminal);
  const started = performance.now();
  return {
    ...line,
    advance: (caseId, done, total) => {
      const left = ((performance.now() - started) / 1000 / done) * (total - done);
      line.draw(`case ${done} of ${total}: ${caseId}, ${duration(left)} left`);
    },
  };
}
