import { nameOf, stateOf } from '../history/facts.js';
import type { RunHistory } from '../history/history.js';
import type { FoundPage } from '../history/read-pages.js';
import { html } from '../markup/html.js';
import { withLinks } from '../sections/common.js';
import { curriculumSection } from '../sections/curriculum.js';
import { lossSection, timeSection } from '../sections/curves.js';
import { dataSection, inferenceSection, runSection, warningSection } from '../sections/facts.js';
import { type HeadlineOptions, headline } from '../sections/headline.js';
import { pageSection } from '../sections/pages.js';
import { sliceSection } from '../sections/slices.js';
import { resultSection } from '../sections/test-table.js';
import { validationSection } from '../sections/validation.js';
import { shell } from './shell.js';

/** How a page is made. */
export interface PageOptions extends HeadlineOptions {
  /** Seconds after which the page of a run that goes on loads itself again; 0 never. */
  readonly refresh: number;
  /** Pages that other commands left in the run. */
  readonly pages: readonly FoundPage[];
}

/** The page of one run. */
export function runPage(history: RunHistory, options: PageOptions): string {
  const sections = [
    resultSection(history),
    sliceSection(history),
    pageSection(options.pages),
    lossSection(history),
    validationSection(history),
    curriculumSection(history),
    timeSection(history),
    warningSection(history),
    inferenceSection(history),
    dataSection(history),
    runSection(history),
  ];
  const body = html`${headline(history, options)}${withLinks(sections)}<footer>Made by DinoMix from the events of the run${history.newest !== null && ` up to ${history.newest}`}.</footer>`;
  const running = options.live && stateOf(history) === 'unfinished';
  return shell({ title: `${nameOf(history)} · DinoMix`, refresh: running ? options.refresh : 0, body });
}
