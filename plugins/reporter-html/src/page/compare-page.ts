import type { RunHistory } from '../history/history.js';
import { html } from '../markup/html.js';
import { withLinks } from '../sections/common.js';
import {
  cautions,
  courseSection,
  labelled,
  leader,
  overviewSection,
  resultsSection,
  teacherRemarks,
} from '../sections/compare.js';
import { differenceSection } from '../sections/config-differences.js';
import { shell } from './shell.js';

/** One of the runs of a {@link comparePage}. */
export interface RunToCompare {
  readonly directory: string;
  readonly history: RunHistory;
  readonly notes: readonly string[];
}

/** The page of several runs side by side. */
export function comparePage(read: readonly RunToCompare[]): string {
  const runs = labelled(read);
  const title = `${runs.length} runs compared`;
  const notes = read.flatMap((run, index) => run.notes.map((note) => `${runs[index]!.label}: ${note}`));
  const sections = [overviewSection(runs), resultsSection(runs), courseSection(runs), differenceSection(runs)];
  const best = leader(runs);
  const body = html`<header><h1>${title}</h1>${best !== null && html`<p class="method">${best}</p>`}${teacherRemarks(runs)}${cautions(runs).map((line) => html`<p class="notice">${line}</p>`)}${notes.map((note) => html`<p class="note">${note}</p>`)}</header>${withLinks(sections)}<footer>Made by DinoMix from the events of the runs.</footer>`;
  return shell({ title: `${title} · DinoMix`, refresh: 0, body });
}
