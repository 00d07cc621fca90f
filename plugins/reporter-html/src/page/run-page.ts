import { nameOf, stateOf } from '../history/facts.js';
import type { RunHistory } from '../history/history.js';
import { html } from '../markup/html.js';
import { curriculumSection } from '../sections/curriculum.js';
import { lossSection, timeSection } from '../sections/curves.js';
import { dataSection, inferenceSection, runSection, warningSection } from '../sections/facts.js';
import { headline } from '../sections/headline.js';
import { sliceSection } from '../sections/slices.js';
import { resultSection } from '../sections/test-table.js';
import { validationSection } from '../sections/validation.js';
import { shell } from './shell.js';

/** How a page is made. */
export interface PageOptions {
  /** Remarks on the events themselves, e.g. that a line was cut off. */
  readonly notes: readonly string[];
  /** Seconds after which the page of a run that goes on loads itself again; 0 never. */
  readonly refresh: number;
}

/** The page of one run. */
export function runPage(history: RunHistory, { notes, refresh }: PageOptions): string {
  const sections = [
    resultSection(history),
    sliceSection(history),
    lossSection(history),
    validationSection(history),
    curriculumSection(history),
    timeSection(history),
    warningSection(history),
    inferenceSection(history),
    dataSection(history),
    runSection(history),
  ].filter((one) => one !== null);
  const body = html`${headline(history, notes)}<main>${sections}</main><footer>Made by DinoMix from the events of the run${history.newest !== null && ` up to ${history.newest}`}.</footer>`;
  const running = stateOf(history) === 'running';
  return shell({ title: `${nameOf(history)} · DinoMix`, refresh: running ? refresh : 0, body });
}
