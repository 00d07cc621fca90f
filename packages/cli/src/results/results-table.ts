import { type EvaluationReport, type MetricColumn, shellWord } from '@dinomix/core';
import { aggregateRuns, type OverRuns } from '@dinomix/trainer';
import { usageError } from '../errors.js';
import { columnHeading } from './heading.js';
import { assertOneTable, byMethod, isFinished, protocolOf, someOf } from './one-table.js';
import type { PublishedRow, PublishedTable } from './published.js';
import type { EvaluatedRun } from './read-run.js';

/** A table as text, ready to be written in any format. */
export interface ResultsTable {
  readonly title: string;
  /** What the numbers depend on, a sentence a line. */
  readonly notes: readonly string[];
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const COLLAPSED =
  'Collapsed: foreground classes that some reference holds and of which no case has one voxel right; mean over runs.';
const COLLAPSED_PUBLISHED =
  'Collapsed, published rows: classes whose column shows what a class scores that is never predicted';

const DICE: MetricColumn = { name: 'dice', title: 'Dice', unit: 'ratio', better: 'higher', empty: '' };
const ASD: MetricColumn = { name: 'asd', title: 'ASD', unit: 'voxel', better: 'lower', definition: 'medpy', empty: '' };

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function shown(value: number | null | undefined, digits: number, std?: number | null): string {
  if (value === null || value === undefined) return '-';
  return std === null || std === undefined ? value.toFixed(digits) : `${value.toFixed(digits)}±${std.toFixed(digits)}`;
}

/** Shares are shown in percent, distances in their unit. */
function cell({ unit }: MetricColumn, { mean: value, std }: OverRuns, runs: number): string {
  const scale = unit === 'ratio' ? 100 : 1;
  return shown(value === null ? null : scale * value, 2, runs < 2 || std === null ? null : scale * std);
}

function heading(column: MetricColumn): string {
  return columnHeading({ ...column, title: column.unit === 'ratio' ? `${column.title} [%]` : column.title });
}

/** Splits with published lists, as the titles of data sets name them; `lists` are those beside prepared files. */
const PUBLISHED_SPLIT = /\bsplit (skcdf|genericssl|dhc-2023|dhc|lists),/;

/** The columns of a run that are those of a protocol's tables. */
function protocolColumns(protocol: string): readonly MetricColumn[] {
  return [DICE, ASD].map((column) => ({ ...column, empty: protocol }));
}

/** @throws DMX_TABLE_PROTOCOL unless the run's numbers mean what those of the published table mean. */
function assertComparable({ directory, dataset, report }: EvaluatedRun, table: PublishedTable): void {
  const { protocol, labelled } = table;
  const problems: string[] = [];
  const cures = new Set<string>();
  const wanted = `${table.dataset} (`;
  const isOnData =
    dataset.startsWith(wanted) && dataset.includes(`labelled ${labelled},`) && dataset.includes(`recipe ${protocol}`);
  if (!isOnData)
    problems.push(`the data is "${dataset}", not ${table.dataset} with labelled ${labelled} and recipe ${protocol}`);
  if (!PUBLISHED_SPLIT.test(dataset))
    problems.push(`the data is "${dataset}", whose split is none of the published ones`);
  if (dataset.includes('not the published benchmark')) problems.push(`the data is "${dataset}"`);
  if (problems.length > 0) cures.add('Make a table without --beside: its rows are of other data');
  if (report.role !== 'test') {
    problems.push('the validation split was evaluated');
    cures.add(`Evaluate the test split: npx dinomix eval ${shellWord(directory)} --split test`);
  }
  for (const column of protocolColumns(protocol)) {
    const own = report.columns.find(({ name }) => name === column.name);
    if (own === undefined && column.name === 'asd') continue;
    const found = own === undefined ? 'is missing' : `is "${columnHeading(own)}"`;
    if (own !== undefined && columnHeading(own) === columnHeading(column)) continue;
    problems.push(`the column ${column.name} ${found}, not "${columnHeading(column)}"`);
    cures.add(`Evaluate with overlap({ empty: '${protocol}' }) and surface({ unit: 'voxel', empty: '${protocol}' })`);
  }
  if (problems.length === 0) return;
  throw usageError('DMX_TABLE_PROTOCOL', {
    problem: `${directory}: ${problems.join('; ')}`,
    cure: `${[...cures].join('. ')}.`,
  });
}

function tailOf(classes: readonly (number | null | undefined)[], isTail: readonly boolean[]): number | null {
  const values = classes.filter((value, index): value is number => isTail[index] === true && typeof value === 'number');
  return values.length === 0 ? null : mean(values);
}

interface Layout {
  readonly columns: readonly MetricColumn[];
  readonly classes: readonly string[];
  /** By foreground class. */
  readonly isTail: readonly boolean[];
}

function runRow(method: string, runs: readonly EvaluatedRun[], { columns, isTail }: Layout): string[] {
  const summary = aggregateRuns(runs.map(({ report }) => report));
  const dice = summary.perClass[columns[0]!.name]!.slice(1).map((value) => (value === null ? null : 100 * value));
  const counts = summary.collapsed.filter((count) => count !== null);
  return [
    method,
    String(summary.runs),
    ...columns.map((column) => cell(column, summary.mean[column.name]!, summary.runs)),
    ...dice.map((value) => shown(value, 1)),
    shown(tailOf(dice, isTail), 1),
    counts.length === 0 ? '-' : String(Number(mean(counts).toFixed(1))),
  ];
}

/** Classes of a published row that show what a class scores that is never predicted. */
export function collapsedCount(row: PublishedRow, { classes, neverPredicted }: PublishedTable): number {
  return row.classes.filter((value, index) => value <= (neverPredicted[classes[index]!] ?? 0)).length;
}

/** With the digits that were published: deviations have one or two. */
function publishedValue(value: number | null, std: number | null): string {
  if (value === null || std === null) return shown(value, 2);
  return `${value.toFixed(2)}±${std.toFixed(Number.isInteger(Number((10 * std).toFixed(6))) ? 1 : 2)}`;
}

function publishedRow(row: PublishedRow, table: PublishedTable, { columns, classes, isTail }: Layout): string[] {
  const isWhole = row.classes.length > 0;
  const means: Record<string, string> = {
    dice: publishedValue(row.dice, row.diceStd),
    asd: publishedValue(row.asd, row.asdStd),
  };
  return [
    row.method,
    '-',
    ...columns.map(({ name }) => means[name] ?? '-'),
    ...classes.map((_, index) => shown(row.classes[index], 1)),
    isWhole ? shown(tailOf(row.classes, isTail), 1) : '-',
    isWhole ? String(collapsedCount(row, table)) : '-',
  ];
}

/** Columns of the table: the runs' own, or those of the published table; the first one is shown by class too. */
function layoutOf(report: EvaluationReport | undefined, table: PublishedTable | undefined): Layout {
  if (table !== undefined) {
    const isTail = table.classes.map((name) => table.tail.includes(name));
    return { columns: protocolColumns(table.protocol), classes: table.classes, isTail };
  }
  const { columns, classes, perClass } = report!;
  const main = columns.find(({ name }) => name === 'dice') ?? columns[0]!;
  const count = perClass[main.name]!.length;
  const known = classes ?? Array.from({ length: count }, (_, index) => ({ name: `class ${index}`, tail: false }));
  return {
    columns: [main, ...columns.filter((column) => column !== main)],
    classes: known.slice(1).map(({ name }) => name),
    isTail: known.slice(1).map(({ tail }) => tail),
  };
}

/** What rows must be read with: teachers that are controls, runs that did not come to their end, other checkpoints. */
function runNotes(runs: readonly EvaluatedRun[]): readonly string[] {
  return [...byMethod(runs)].flatMap(([method, group]) => [
    ...new Set(group.flatMap(({ teachers }) => teachers.map((note) => `${method}: ${note}.`))),
    ...group
      .filter((run) => !isFinished(run))
      .map(({ status }) => `${method}: not trained to its end (${status ?? 'no outcome'}).`),
    ...group
      .filter(({ changed }) => changed.length > 0)
      .map(
        ({ seed, changed }) =>
          `${method}, seed ${seed}: evaluated on files of ${someOf(changed)} that changed since the training began.`,
      ),
    ...(group[0]!.report.checkpoint === 'latest' ? [`${method}: the latest checkpoint, not the best.`] : []),
  ]);
}

/**
 * Puts runs into one table, a row for each method (the mean over its runs with the population standard deviation), below
 * the rows of a published table.
 * @throws DMX_TABLE_PROTOCOL where rows would stand beside each other whose numbers mean different things.
 */
export function resultsTable(runs: readonly EvaluatedRun[], beside: PublishedTable | undefined): ResultsTable {
  assertOneTable(runs);
  if (beside !== undefined) for (const run of runs) assertComparable(run, beside);
  const [first] = runs;
  const layout = layoutOf(first?.report, beside);
  const [main] = layout.columns;
  const head = ['Method', 'Runs', ...layout.columns.map(heading), ...layout.classes, 'Tail', 'Collapsed'];
  const published = beside?.rows.map((row) => publishedRow(row, beside, layout)) ?? [];
  const own = [...byMethod(runs)].map(([method, group]) => runRow(method, group, layout));
  const floors = Object.entries(beside?.neverPredicted ?? {}).map(([name, value]) => `, ${name} ${value}`);
  return {
    title: beside?.title ?? first!.dataset,
    notes: [
      ...(beside === undefined ? [] : [`Protocol ${beside.protocol.toUpperCase()}. Published rows: ${beside.source}.`]),
      ...(runs.length > 0 ? [`Runs: ${protocolOf(first!)}.`] : []),
      `By class and in the tail: ${main!.title} in percent. Means over cases, then classes, then runs; ± is the population standard deviation over runs. Tail: ${layout.classes.filter((_, index) => layout.isTail[index]).join(', ') || 'none'}.`,
      ...runNotes(runs),
      ...(runs.length > 0 ? [COLLAPSED] : []),
      ...(beside === undefined ? [] : [`${COLLAPSED_PUBLISHED}: 0.0${floors.join('')}.`]),
    ],
    head,
    rows: [...published, ...own],
  };
}
