import type { Json, RunRecord } from '@dinomix/core';
import { foregroundOf, labelledShares } from '../history/facts.js';
import type { RunHistory } from '../history/history.js';
import { counted, percent } from '../markup/format.js';
import { type Content, html, type Markup } from '../markup/html.js';
import { classChip, type Section, section, table } from './common.js';

/** Case ids listed for one split. */
const LISTED = 500;

function pairs(rows: readonly (readonly [name: string, value: Content])[]): Markup {
  return html`<dl>${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

function jsonText(value: Json): string {
  return JSON.stringify(value, null, 2);
}

/** The command that predicts with the network, to copy. */
export function inferenceSection({ record }: RunHistory): Section | null {
  if (record === null) return null;
  return section('inference', 'Inference', html`<pre class="command">${record.predictCommand}</pre>`);
}

function warningsOf({ warnings, warningsLeftOut }: RunHistory): Content {
  if (warnings.size === 0) return null;
  const lines = [...warnings].map(
    ([message, count]) => html`<li>${message}${count > 1 && html` <small>(${count} times)</small>`}</li>`,
  );
  return html`<ul>${lines}</ul>${warningsLeftOut > 0 && html`<p class="note">${warningsLeftOut} further warnings are in events.jsonl.</p>`}`;
}

/** Warnings of the run. */
export function warningSection(history: RunHistory): Section | null {
  return section('warnings', 'Warnings', warningsOf(history));
}

/** Data set: classes, splits, fingerprint, licence. */
export function dataSection(history: RunHistory): Section | null {
  const { record } = history;
  if (record === null) return null;
  const { dataset, licences, patch } = record;
  const shares = labelledShares(history);
  const splits = Object.entries(dataset.splits).map(([role, cases]): readonly [string, Content] => [
    role,
    cases.length === 0
      ? 'none'
      : html`<details><summary>${cases.length} ${cases.length === 1 ? 'case' : 'cases'}</summary>${cases.slice(0, LISTED).join(', ')}${cases.length > LISTED && ' …'}</details>`,
  ]);
  const rows = foregroundOf(history).map(
    (info) =>
      html`<tr><td>${info.index}</td><th scope="row">${classChip(info)}</th><td>${counted(dataset.labelledVoxels[info.index] ?? 0)}</td><td>${percent(shares[info.index] ?? 0)}</td></tr>`,
  );
  const head = ['index', 'class', 'labelled voxels', 'share of the foreground'].map((one) => html`<th>${one}</th>`);
  return section(
    'data',
    'Data',
    pairs([
      ['data set', dataset.title],
      ...splits,
      ['crop', `${patch.join(' × ')} voxels`],
      ['fingerprint', html`<code>${dataset.fingerprint.digest}</code>`],
      ...Object.entries(licences).map(([name, licence]) => [`licence of ${name}`, licence] as const),
    ]),
    html`<details><summary>Classes</summary>${table(head, rows)}</details>`,
  );
}

function passRows({ mode, batchStatistics, runningStatistics }: NonNullable<RunRecord['passes']>) {
  return [
    ['passes', mode],
    ['batch statistics', batchStatistics],
    ['running statistics', runningStatistics],
  ] as const;
}

/** Everything that is needed to make the run again. */
export function runSection(history: RunHistory): Section | null {
  const { record, best, lastCheckpoint, checkpoints, starts, first, newest } = history;
  if (record === null) return null;
  const { run, backend, packages, node, platform, config, passes } = record;
  return section(
    'run',
    'Run',
    pairs([
      ['folder', html`<code>${run.directory}</code>`],
      ['id', run.id],
      ['seed', run.seed],
      ['config', html`<code>${run.configHash}</code>`],
      ['from', `${first ?? ''} to ${newest ?? ''}${starts > 1 ? `, started ${starts} times` : ''}`],
      ['checkpoints', `${checkpoints} written${best === null ? '' : `, best in epoch ${best.position.epoch + 1}`}`],
      ...(best === null ? [] : [['best checkpoint', html`<code>${best.path}</code>`] as const]),
      ...(lastCheckpoint === null ? [] : [['newest checkpoint', html`<code>${lastCheckpoint}</code>`] as const]),
      ...(passes === undefined ? [] : passRows(passes)),
      ['Node', `${node}, ${platform}`],
    ]),
    html`<details><summary>Resolved config</summary><pre>${jsonText(config)}</pre></details>`,
    html`<details><summary>Backend ${backend.name} on ${backend.device}</summary><pre>${jsonText(backend.facts)}</pre></details>`,
    html`<details><summary>Packages</summary>${pairs(Object.entries(packages))}</details>`,
  );
}
