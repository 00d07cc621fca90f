import type { ClassInfo, EvaluationReport } from '@dinomix/core';
import {
  collapsedOf,
  elapsedOf,
  foregroundOf,
  mainColumn,
  methodOf,
  nameOf,
  type RunState,
  resultOf,
  secondsOf,
  stateOf,
} from '../history/facts.js';
import type { RunHistory } from '../history/history.js';
import { decimal, duration } from '../markup/format.js';
import { type Content, html, type Markup } from '../markup/html.js';
import { teacherNotice } from './common.js';

function tile(label: string, value: Content, detail: Content = null): Markup {
  return html`<div class="tile"><span>${label}</span><strong>${value}</strong>${detail !== null && html`<em>${detail}</em>`}</div>`;
}

/** A few names, the rest as a number. */
function namesOf(classes: readonly ClassInfo[]): string {
  if (classes.length === 0) return 'classes';
  const names = classes.slice(0, 3).map(({ name }) => name);
  const rest = classes.length - names.length;
  return `${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

function resultTiles(history: RunHistory, report: EvaluationReport): Content {
  const column = mainColumn(report.columns);
  if (column === null) return null;
  const { name, title } = column;
  const collapsed = collapsedOf(history, report);
  const count = foregroundOf(history).length;
  const split = report.role === 'test' ? `test, ${report.weights}` : `validation, ${report.weights}`;
  const distance = report.columns.find(({ unit }) => unit !== 'ratio');
  return [
    tile(`mean ${title}`, decimal(report.mean[name]), split),
    tile(
      `tail ${title}`,
      decimal(report.tail[name]),
      `${foregroundOf(history).filter(({ tail }) => tail).length} classes ◆`,
    ),
    collapsed !== null && tile('collapsed', `${collapsed.length} of ${count}`, namesOf(collapsed)),
    distance !== undefined && tile(`mean ${distance.title}`, decimal(report.mean[distance.name], 2), distance.unit),
  ];
}

const STATES: Readonly<Record<RunState, string>> = {
  unfinished: 'not finished',
  completed: 'completed',
  stopped: 'stopped early',
  interrupted: 'interrupted',
  failed: 'failed',
};

function progressBar({ position, steps }: RunHistory): Content {
  if (position === null) return null;
  const total = position.epochs * position.stepsPerEpoch;
  return html`<progress max="${total}" value="${steps}">${steps} of ${total} steps</progress>`;
}

/** About when a run that goes on will be done, from the mean time of a step so far. */
function remaining(history: RunHistory): string | null {
  const { position, steps } = history;
  if (position === null || history.starts !== 1) return null;
  const left = position.epochs * position.stepsPerEpoch - steps;
  return `about ${duration((elapsedOf(history) / steps) * left)} left`;
}

function failure({ outcome }: RunHistory): Content {
  if (outcome?.status !== 'failed') return null;
  const { code, summary, why, fix } = outcome.error ?? {};
  const lines = [summary ?? outcome.reason, why, fix].filter((line) => typeof line === 'string');
  return html`<div class="failure"><b>${typeof code === 'string' ? code : 'failed'}</b>${lines.map((line) => html`<p>${line}</p>`)}</div>`;
}

/** What is known besides the events. */
export interface HeadlineOptions {
  /** Remarks on the events themselves, e.g. that a line was cut off. */
  readonly notes: readonly string[];
  /** Whether the page is written by the run itself. */
  readonly live: boolean;
}

/** Name, state and result of the run at a glance. */
export function headline(history: RunHistory, { notes, live }: HeadlineOptions): Markup {
  const { record, position, outcome } = history;
  const state = stateOf(history);
  const report = resultOf(history);
  const epoch = position === null ? 0 : Math.floor(history.steps / position.stepsPerEpoch);
  const running = state === 'unfinished' && live;
  return html`<header>
<h1>${nameOf(history)} <span class="state ${running ? 'running' : state}">${running ? 'running' : STATES[state]}</span></h1>
<p class="method">${methodOf(history)}</p>
${state === 'unfinished' && progressBar(history)}
${teacherNotice(history)}
${failure(history)}
<div class="tiles">
${report !== null && resultTiles(history, report)}
${tile('epochs', position === null ? '0' : `${epoch} of ${position.epochs}`, running ? remaining(history) : `${history.steps} steps`)}
${tile('time', duration(secondsOf(history)), outcome !== null && Number.isFinite(outcome.peakMb) && `at most ${Math.round(outcome.peakMb)} MB`)}
${record !== null && tile('engine', record.backend.device, `${record.backend.name}, seed ${record.run.seed}`)}
</div>
${outcome !== null && state !== 'completed' && state !== 'failed' && html`<p>${outcome.reason}</p>`}
${report === null && state !== 'failed' && html`<p>Nothing was evaluated yet.</p>`}
${notes.map((note) => html`<p class="note">${note}</p>`)}
</header>`;
}
