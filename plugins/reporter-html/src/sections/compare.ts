import type { ClassInfo, MetricColumn } from '@dinomix/core';
import {
  collapsedOf,
  engineOf,
  foregroundOf,
  mainColumn,
  methodOf,
  nameOf,
  resultOf,
  secondsOf,
  stateOf,
  teacherLines,
} from '../history/facts.js';
import type { RunHistory } from '../history/history.js';
import { decimal, duration } from '../markup/format.js';
import { type Content, html, type Markup } from '../markup/html.js';
import { figure } from '../svg/frame.js';
import { type Line, lineChart } from '../svg/line-chart.js';
import { type Row, rowsChart } from '../svg/rows-chart.js';
import { charts, classChip, type Section, section, table, toEpoch } from './common.js';
import { lineColour, steppedLine } from './curves.js';
import { cellText } from './test-table.js';

/** One of several runs. */
export interface ComparedRun {
  readonly history: RunHistory;
  /** Stands for the run in tables and legends; no two are the same. */
  readonly label: string;
  readonly colour: string;
  readonly dash: boolean;
}

/** Names for runs, told apart by their folders or a number where they share one. */
export function labelled(
  runs: readonly { readonly history: RunHistory; readonly directory: string }[],
): readonly ComparedRun[] {
  const names = runs.map(({ history }) => nameOf(history));
  const folders = runs.map(({ directory }) => directory.split(/[\\/]/).filter(Boolean).at(-1) ?? directory);
  const isAlone = (list: readonly string[], name: string) => list.filter((other) => other === name).length === 1;
  return runs.map(({ history }, index) => {
    const [name, folder] = [names[index]!, folders[index]!];
    const own = isAlone(folders, folder) ? folder : `${folder} (${index + 1})`;
    return { history, label: isAlone(names, name) ? name : own, colour: lineColour(index), dash: index >= 8 };
  });
}

/** The colour and label of a run. */
export function runChip({ label, colour }: ComparedRun): Markup {
  return html`<span class="chip"><i style="--key:${colour}"></i>${label}</span>`;
}

function numbers(values: readonly (number | null | undefined)[]): readonly number[] {
  return values.filter((value): value is number => typeof value === 'number' && Number.isFinite(value));
}

/** The best of some values; null where fewer than two can be compared, or all are alike. */
export function bestOf(values: readonly (number | null | undefined)[], better: MetricColumn['better']): number | null {
  const defined = numbers(values);
  if (defined.length < 2) return null;
  const [low, high] = [Math.min(...defined), Math.max(...defined)];
  if (low === high) return null;
  return better === 'higher' ? high : low;
}

/** Whether the means of a column are over the same classes in every run, so that they can be compared. */
function meansCompare({ name }: MetricColumn, runs: readonly ComparedRun[]): boolean {
  const defined = runs.flatMap(({ history }) => {
    const values = resultOf(history)?.perClass[name];
    return values === undefined ? [] : [values.map((value) => (value === null ? '-' : 'x')).join('')];
  });
  return new Set(defined).size <= 1;
}

/** Every column that a run was evaluated by, in the order of the first run that has it. */
function columnsOf(runs: readonly ComparedRun[]): readonly MetricColumn[] {
  const found = new Map<string, MetricColumn>();
  for (const { history } of runs) {
    for (const column of resultOf(history)?.columns ?? []) if (!found.has(column.name)) found.set(column.name, column);
  }
  return [...found.values()];
}

/** Classes of the first run that knows some; runs with others are warned about. */
function classesOf(runs: readonly ComparedRun[]): readonly ClassInfo[] {
  return runs.map(({ history }) => foregroundOf(history)).find((classes) => classes.length > 0) ?? [];
}

/** State, result and cost of every run. */
export function overviewSection(runs: readonly ComparedRun[]): Section | null {
  const columns = columnsOf(runs);
  const main = mainColumn(columns);
  const distance = columns.find(({ unit }) => unit !== 'ratio');
  const shown = [main, distance].filter((column) => column !== null && column !== undefined);
  const head = [
    'run',
    'state',
    'split',
    ...shown.flatMap(({ title, unit }) => [`mean ${title}${unit === 'ratio' ? '' : ` (${unit})`}`, `tail ${title}`]),
    'collapsed',
    'epochs',
    'time',
    'engine',
    'seed',
  ].map((one) => html`<th>${one}</th>`);
  const cells = (run: ComparedRun) =>
    shown.flatMap((column) =>
      (['mean', 'tail'] as const).map((part) => {
        const values = runs.map(({ history }) => resultOf(history)?.[part][column.name]);
        const value = resultOf(run.history)?.[part][column.name];
        const best = meansCompare(column, runs) ? bestOf(values, column.better) : null;
        return html`<td${best !== null && value === best && html` class="best"`}>${cellText(value, column)}</td>`;
      }),
    );
  const rows = runs.map((run) => {
    const { history } = run;
    const report = resultOf(history);
    const { position, record } = history;
    const epochs =
      position === null ? '0' : `${Math.floor(history.steps / position.stepsPerEpoch)} of ${position.epochs}`;
    return html`<tr><th scope="row" title="${methodOf(history)}">${runChip(run)}</th><td>${stateOf(history) === 'unfinished' ? 'not finished' : stateOf(history)}</td><td>${report?.role ?? '–'}</td>${cells(run)}<td>${report === null ? '–' : (collapsedOf(history, report)?.length ?? '–')}</td><td>${epochs}</td><td>${duration(secondsOf(history))}</td><td>${record === null ? '–' : engineOf(record)}</td><td>${record === null ? '–' : record.run.seed}</td></tr>`;
  });
  return section(
    'overview',
    'Overview',
    table(head, rows),
    html`<p class="note">The best value of each column is set in bold.</p>`,
  );
}

/** One row for each class and mean, one column for each run. */
function metricTable(column: MetricColumn, runs: readonly ComparedRun[]): Markup {
  const rowOf = (name: Content, values: readonly (number | null | undefined)[], kind: Content, comparable = true) => {
    const best = comparable ? bestOf(values, column.better) : null;
    const cells = values.map(
      (value) => html`<td${best !== null && value === best && html` class="best"`}>${cellText(value, column)}</td>`,
    );
    return html`<tr${kind}><th scope="row">${name}</th>${cells}</tr>`;
  };
  const reports = runs.map(({ history }) => resultOf(history));
  const rows = classesOf(runs).map((info) =>
    rowOf(
      classChip(info),
      reports.map((report) => report?.perClass[column.name]?.[info.index]),
      info.tail && html` class="tail"`,
    ),
  );
  const means = (['mean', 'tail'] as const).map((part) =>
    rowOf(
      part === 'mean' ? 'mean' : 'mean of the tail ◆',
      reports.map((report) => report?.[part][column.name]),
      html` class="mean"`,
      meansCompare(column, runs),
    ),
  );
  const { title, unit, better } = column;
  const head = [
    html`<th>${title}${unit !== 'ratio' && html` <small>${unit}</small>`} ${better === 'higher' ? '↑' : '↓'}</th>`,
    ...runs.map((run) => html`<th>${runChip(run)}</th>`),
  ];
  return table(head, [...rows, ...means]);
}

/** Places the runs of a row between its upper and lower quarter. */
function shiftOf(index: number, count: number): number {
  return count === 1 ? 0 : (index / (count - 1) - 0.5) * Math.min(10, 4 * (count - 1));
}

/** The main column by class as dots, run beside run. */
function classFigure(column: MetricColumn, runs: readonly ComparedRun[]): Markup {
  const rows = classesOf(runs).map((info): Row => {
    const dots = runs.flatMap(({ history, label, colour, dash }, index) => {
      const value = resultOf(history)?.perClass[column.name]?.[info.index];
      const shape = dash ? ('ring' as const) : ('disc' as const);
      return value === null || value === undefined
        ? []
        : [{ value, colour, shape, title: `${info.name}, ${label}`, shift: shiftOf(index, runs.length) }];
    });
    const values = dots.map(({ value }) => value);
    const range = values.length > 1 ? ([Math.min(...values), Math.max(...values)] as const) : undefined;
    return { name: info.name, tail: info.tail, dots, ...(range !== undefined && { range }) };
  });
  const chart = rowsChart({
    rows,
    xLabel: column.unit === 'ratio' ? column.title : `${column.title} (${column.unit})`,
    description: `${column.title} of each class by run`,
    xDomain: [
      0,
      column.unit === 'ratio' ? 1 : Math.max(1e-9, ...rows.flatMap(({ dots }) => dots.map(({ value }) => value))),
    ],
  });
  return figure(
    `${column.title} by class`,
    runs.map(({ label, colour }) => ({ name: label, colour })),
    chart,
  );
}

/** Results class by class, all columns. */
export function resultsSection(runs: readonly ComparedRun[]): Section | null {
  const columns = columnsOf(runs);
  if (columns.length === 0) return null;
  const main = mainColumn(columns);
  const distance = columns.find(({ unit }) => unit !== 'ratio');
  const figures = [main, distance].filter((column) => column !== null && column !== undefined);
  const others = columns.filter((column) => !figures.includes(column));
  return section(
    'results',
    'Results by class',
    teacherRemarks(runs),
    figures.map(
      (column) =>
        html`<h3>${column.title}</h3><div class="beside">${metricTable(column, runs)}${classFigure(column, runs)}</div>`,
    ),
    others.map((column) => html`<details><summary>${column.title}</summary>${metricTable(column, runs)}</details>`),
    html`<p class="note">A dash stands where a value is not defined, e.g. the distance to an organ that was not found. Means leave such classes out, and the best of them is marked only where they are over the same classes.</p>`,
  );
}

function stepFigure(
  title: string,
  runs: readonly ComparedRun[],
  lineOf: (run: ComparedRun) => Line | null,
): Markup | null {
  const lines = runs.flatMap((run) => {
    const line = lineOf(run);
    return line === null || line.points.length === 0 ? [] : [{ ...line, dash: run.dash }];
  });
  if (lines.length === 0) return null;
  return figure(title, lines, lineChart({ lines, xLabel: 'epoch', description: title }));
}

function validationLine({ history, label, colour }: ComparedRun, part: 'mean' | 'tail'): Line | null {
  const column = mainColumn(history.lastValidation?.columns ?? []);
  const curve = column === null ? undefined : history.validation.get(column.name)?.[part];
  if (curve === undefined) return null;
  return { name: label, colour, points: curve.points.map(({ x, y }) => ({ x: x + 1, y })) };
}

/** Curves of all runs over each other. */
export function courseSection(runs: readonly ComparedRun[]): Section | null {
  const terms = [...new Set(runs.flatMap(({ history }) => [...history.terms.keys()]))];
  const termLine =
    (name: string) =>
    ({ history, label, colour }: ComparedRun) => {
      const curve = history.terms.get(name)?.value;
      return curve === undefined ? null : { ...steppedLine(label, colour, curve, toEpoch(history)), band: [] };
    };
  const column = mainColumn(
    runs.find(({ history }) => history.lastValidation !== null)?.history.lastValidation?.columns ?? [],
  );
  const title = column === null ? '' : ` ${column.title}`;
  const figures = [
    stepFigure(`validation${title}, mean`, runs, (run) => validationLine(run, 'mean')),
    stepFigure(`validation${title}, mean of the tail ◆`, runs, (run) => validationLine(run, 'tail')),
    stepFigure('loss (weighted sum)', runs, ({ history, label, colour }) => ({
      ...steppedLine(label, colour, history.loss, toEpoch(history)),
      band: [],
    })),
    ...terms.map((name) => stepFigure(name, runs, termLine(name))),
  ].filter((one) => one !== null);
  if (figures.length === 0) return null;
  return section('course', 'Over the run', charts(...figures));
}

/** What makes the numbers of these runs not comparable. */
export function cautions(runs: readonly ComparedRun[]): readonly string[] {
  const records = runs.flatMap(({ history }) => history.record ?? []);
  const different = (values: readonly unknown[]) => new Set(values).size > 1;
  const roles = runs.flatMap(({ history }) => resultOf(history)?.role ?? []);
  return [
    different(records.map(({ dataset }) => dataset.fingerprint.digest)) &&
      'The runs used different data, splits or preprocessing: their numbers cannot be compared.',
    different(records.map(({ dataset }) => JSON.stringify(dataset.classes.map(({ name }) => name)))) &&
      'The runs have different classes; rows show the classes of the first.',
    different(roles) && 'Some numbers are of the test split, others of the validation split.',
    runs.some(({ history }) => stateOf(history) === 'unfinished') && 'Some runs are not finished.',
  ].filter((one) => one !== false);
}

/** Teachers' remarks with the runs they belong to. */
export function teacherRemarks(runs: readonly ComparedRun[]): Content {
  return runs.flatMap(({ history, label }) =>
    teacherLines(history).map((line) => html`<p class="notice">${label}: ${line}</p>`),
  );
}

/** Best mean of all runs, for the title. */
export function leader(runs: readonly ComparedRun[]): string | null {
  const main = mainColumn(columnsOf(runs));
  if (main === null) return null;
  const best = bestOf(
    runs.map(({ history }) => resultOf(history)?.mean[main.name]),
    main.better,
  );
  const first = runs.find(({ history }) => resultOf(history)?.mean[main.name] === best);
  return best === null || first === undefined ? null : `best mean ${main.title}: ${first.label}, ${decimal(best)}`;
}
