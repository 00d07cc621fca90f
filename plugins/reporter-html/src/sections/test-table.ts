import type { ClassInfo, EvaluationReport, MetricColumn } from '@dinomix/core';
import { collapsedOf, foregroundOf, labelledShares, mainColumn } from '../history/facts.js';
import type { RunHistory } from '../history/history.js';
import { decimal, percent } from '../markup/format.js';
import { type Content, html, type Markup } from '../markup/html.js';
import { classChip, type Section, section, table, teacherNotice } from './common.js';
import { frequencyFigure } from './frequency.js';

const COLLAPSED = 'A class of which no case has one voxel right counts as collapsed.';

/** Cases of which the single values are listed. */
const CASES = 100;

/** Heading of a column with its unit. */
export function heading({ title, unit, better }: MetricColumn): Markup {
  return html`<th title="${better === 'higher' ? 'higher is better' : 'lower is better'}">${title}${unit !== 'ratio' && html` <small>${unit}</small>`}</th>`;
}

/** Digits of a column: three for shares, two for distances. */
export function cellText(value: number | null | undefined, { unit }: MetricColumn): string {
  return decimal(value, unit === 'ratio' ? 3 : 2);
}

/** A share with its bar, marked where the class collapsed. */
function barCell(value: number | null | undefined, column: MetricColumn, isCollapsed: boolean): Markup {
  const text = cellText(value, column);
  if (value === null || value === undefined) return html`<td>${text}</td>`;
  const width = Math.round(100 * Math.min(Math.max(value, 0), 1));
  return html`<td class="bar${isCollapsed && html` collapsed`}" style="--share:${width}%">${text}</td>`;
}

function classRow(info: ClassInfo, report: EvaluationReport, share: number): Markup {
  const main = mainColumn(report.columns);
  const isCollapsed = report.collapsed?.includes(info.index) === true;
  const cells = report.columns.map((column) => {
    const value = report.perClass[column.name]?.[info.index];
    if (column === main && column.unit === 'ratio') return barCell(value, column, isCollapsed);
    return html`<td>${cellText(value, column)}</td>`;
  });
  return html`<tr${info.tail && html` class="tail"`}><th scope="row">${classChip(info)}</th><td>${percent(share)}</td>${cells}</tr>`;
}

function meanRow(title: string, values: Readonly<Record<string, number | null>>, report: EvaluationReport): Markup {
  const cells = report.columns.map((column) => html`<td>${cellText(values[column.name], column)}</td>`);
  return html`<tr class="mean"><th scope="row">${title}</th><td></td>${cells}</tr>`;
}

/** Cases against classes for the main column, the darker the better. */
function caseTable(history: RunHistory, report: EvaluationReport): Content {
  const column = mainColumn(report.columns);
  const { cases } = report;
  if (column === null || cases.length === 0) return null;
  const classes = foregroundOf(history);
  const head = [html`<th>case</th>`, ...classes.map((info) => html`<th class="turned"><span>${info.name}</span></th>`)];
  const rows = cases.slice(0, CASES).map(({ caseId, values }) => {
    const cells = classes.map(({ index }) => {
      const value = values[column.name]?.[index];
      const share = column.unit === 'ratio' && value !== null && value !== undefined ? Math.round(60 * value) : 0;
      return html`<td class="heat" style="--heat:${share}%">${cellText(value, column).replace(/^0\./, '.')}</td>`;
    });
    return html`<tr><th scope="row">${caseId}</th>${cells}</tr>`;
  });
  const more =
    cases.length > CASES && html`<p class="note">${cases.length - CASES} further cases are in events.jsonl.</p>`;
  return html`<details><summary>${column.title} of each case (${cases.length})</summary>${table(head, rows)}${more}</details>`;
}

/** What the columns mean where tools differ: whose definition, and what a missing class counts. */
function ruleNote({ columns }: EvaluationReport): Content {
  const rules = columns
    .filter(({ definition, empty }) => definition !== undefined || empty !== undefined)
    .map(({ title, definition, empty }) =>
      [title, definition && `as ${definition} defines it`, empty && `rule "${empty}" for missing classes`]
        .filter(Boolean)
        .join(', '),
    );
  return rules.length === 0 ? null : html`<p class="note">${rules.join('; ')}.</p>`;
}

/** The test results, class by class; of the validation split as long as there are no others. */
export function resultSection(history: RunHistory): Section | null {
  const report = history.test ?? history.lastValidation;
  if (report === null) return null;
  const shares = labelledShares(history);
  const head = [
    html`<th>class</th>`,
    html`<th title="share of the foreground voxels of the labelled cases">share</th>`,
    ...report.columns.map(heading),
  ];
  const rows = [
    ...foregroundOf(history).map((info) => classRow(info, report, shares[info.index] ?? Number.NaN)),
    meanRow('mean', report.mean, report),
    meanRow('mean of the tail ◆', report.tail, report),
  ];
  const cases = `${report.cases.length} ${report.cases.length === 1 ? 'case' : 'cases'}`;
  const test = report.role === 'test';
  return section(
    'results',
    test ? `Test results (${cases})` : `Validation results so far (${cases})`,
    teacherNotice(history),
    html`<div class="beside">${table(head, rows)}${frequencyFigure(history)}</div>`,
    html`<p class="note">Means over cases, then over classes; weights: ${report.weights}. ◆ marks the tail classes. ${collapsedOf(history, report) !== null && COLLAPSED}</p>`,
    ruleNote(report),
    caseTable(history, report),
  );
}
