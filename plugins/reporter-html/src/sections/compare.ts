import type { ClassInfo, Json, JsonObject, MetricColumn } from '@dinomix/core';
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
import { charts, classChip, section, table, toEpoch } from './common.js';
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

function runChip({ label, colour }: ComparedRun): Markup {
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
export function overviewSection(runs: readonly ComparedRun[]): Markup | null {
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
    'teacher',
  ].map((one) => html`<th>${one}</th>`);
  const cells = (run: ComparedRun) =>
    shown.flatMap((column) =>
      (['mean', 'tail'] as const).map((part) => {
        const values = runs.map(({ history }) => resultOf(history)?.[part][column.name]);
        const value = resultOf(run.history)?.[part][column.name];
        const best = bestOf(values, column.better);
        return html`<td${best !== null && value === best && html` class="best"`}>${cellText(value, column)}</td>`;
      }),
    );
  const rows = runs.map((run) => {
    const { history } = run;
    const report = resultOf(history);
    const { position, record } = history;
    const epochs =
      position === null ? '0' : `${Math.floor(history.steps / position.stepsPerEpoch)} of ${position.epochs}`;
    const teachers = teacherLines(history);
    return html`<tr><th scope="row" title="${methodOf(history)}">${runChip(run)}</th><td>${stateOf(history)}</td><td>${report?.role ?? '–'}</td>${cells(run)}<td>${report === null ? '–' : collapsedOf(history, report).length}</td><td>${epochs}</td><td>${duration(secondsOf(history))}</td><td>${record === null ? '–' : engineOf(record)}</td><td>${record === null ? '–' : record.run.seed}</td><td>${teachers.length === 0 ? '–' : html`<b>${teachers.join('; ')}</b>`}</td></tr>`;
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
  const rowOf = (name: Content, values: readonly (number | null | undefined)[], kind: Content) => {
    const best = bestOf(values, column.better);
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
    ),
  );
  const { title, unit, better } = column;
  const head = [
    html`<th>${title}${unit !== 'ratio' && html` <small>${unit}</small>`} ${better === 'higher' ? '↑' : '↓'}</th>`,
    ...runs.map((run) => html`<th>${runChip(run)}</th>`),
  ];
  return table(head, [...rows, ...means]);
}

/** The main column by class as dots, run beside run. */
function classFigure(column: MetricColumn, runs: readonly ComparedRun[]): Markup {
  const rows = classesOf(runs).map((info): Row => {
    const dots = runs.flatMap(({ history, label, colour, dash }) => {
      const value = resultOf(history)?.perClass[column.name]?.[info.index];
      const shape = dash ? ('ring' as const) : ('disc' as const);
      return value === null || value === undefined ? [] : [{ value, colour, shape, title: `${info.name}, ${label}` }];
    });
    const values = dots.map(({ value }) => value);
    const range = values.length > 1 ? ([Math.min(...values), Math.max(...values)] as const) : undefined;
    return { name: info.name, tail: info.tail, dots, ...(range !== undefined && { range }) };
  });
  const chart = rowsChart({
    rows,
    xLabel: column.unit === 'ratio' ? column.title : `${column.title} (${column.unit})`,
    description: `${column.title} of each class by run`,
    ...(column.unit === 'ratio' && { xDomain: [0, 1] as const }),
  });
  return figure(
    `${column.title} by class`,
    runs.map(({ label, colour }) => ({ name: label, colour })),
    chart,
  );
}

/** Results class by class, all columns. */
export function resultsSection(runs: readonly ComparedRun[]): Markup | null {
  const columns = columnsOf(runs);
  if (columns.length === 0) return null;
  const main = mainColumn(columns);
  const distance = columns.find(({ unit }) => unit !== 'ratio');
  const figures = [main, distance].filter((column) => column !== null && column !== undefined);
  return section(
    'results',
    'Results by class',
    charts(...figures.map((column) => classFigure(column, runs))),
    columns.map((column) => html`<h3>${column.title}</h3>${metricTable(column, runs)}`),
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
export function courseSection(runs: readonly ComparedRun[]): Markup | null {
  const terms = [...new Set(runs.flatMap(({ history }) => [...history.terms.keys()]))];
  const termLine =
    (name: string) =>
    ({ history, label, colour }: ComparedRun) => {
      const curve = history.terms.get(name)?.value;
      return curve === undefined ? null : { ...steppedLine(label, colour, curve, toEpoch(history)), band: [] };
    };
  const figures = [
    stepFigure('validation, mean', runs, (run) => validationLine(run, 'mean')),
    stepFigure('validation, mean of the tail ◆', runs, (run) => validationLine(run, 'tail')),
    stepFigure('loss (weighted sum)', runs, ({ history, label, colour }) => ({
      ...steppedLine(label, colour, history.loss, toEpoch(history)),
      band: [],
    })),
    ...terms.map((name) => stepFigure(name, runs, termLine(name))),
  ].filter((one) => one !== null);
  if (figures.length === 0) return null;
  return section('course', 'Over the run', charts(...figures));
}

/** All values of a config by their path. */
function flat(value: Json, path: string, into: Map<string, string>): Map<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    into.set(path, JSON.stringify(value));
    return into;
  }
  for (const [key, inner] of Object.entries(value as JsonObject))
    flat(inner, path === '' ? key : `${path}.${key}`, into);
  return into;
}

/** Plugins by id, so that two lists of plugins can be compared by what they hold. */
function comparable(config: JsonObject): JsonObject {
  const { plugins, ...rest } = config;
  if (!Array.isArray(plugins)) return config;
  const entries = plugins.flatMap((plugin) => {
    const { id, options, active } = (plugin ?? {}) as Record<string, Json | undefined>;
    return typeof id === 'string' && active === true && options !== undefined ? [[id, options] as const] : [];
  });
  return { ...rest, options: Object.fromEntries(entries) };
}

/** Paths of the configs at which the runs differ, with the value of each run; undefined where it has none. */
export function configDifferences(
  configs: readonly JsonObject[],
): readonly (readonly [path: string, values: readonly (string | undefined)[]])[] {
  const flattened = configs.map((config) => flat(comparable(config), '', new Map()));
  const paths = [...new Set(flattened.flatMap((one) => [...one.keys()]))].sort();
  return paths.flatMap((path) => {
    const values = flattened.map((one) => one.get(path));
    return values.every((value) => value === values[0]) ? [] : [[path, values] as const];
  });
}

/** What was set differently. */
export function differenceSection(runs: readonly ComparedRun[]): Markup | null {
  const differences = configDifferences(runs.map(({ history }) => history.record?.config ?? {}));
  const head = [html`<th>value</th>`, ...runs.map((run) => html`<th>${runChip(run)}</th>`)];
  const rows = differences.map(
    ([path, values]) =>
      html`<tr><th scope="row"><code>${path}</code></th>${values.map((value) => html`<td><code>${value ?? '–'}</code></td>`)}</tr>`,
  );
  if (rows.length === 0) return section('config', 'Differences of the configs', html`<p>The configs are the same.</p>`);
  return section('config', 'Differences of the configs', table(head, rows));
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
    runs.some(({ history }) => stateOf(history) === 'running') && 'Some runs are not over.',
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
