import { join, resolve } from 'node:path';
import type { Dataset, Index3 } from '@dinomix/core';
import type { CaseSurvey } from '@dinomix/data/prepare';
import { makeFolder, writeFileAtomic } from '@dinomix/volume';
import { type CommandContext, tell, type WorkerOptions } from '../command.js';
import { columns, counted } from '../text.js';
import { createCaseProgress } from './case-progress.js';
import { type ClassFrequency, classFrequencies, frequencyChart, frequencyRows } from './class-frequency.js';
import { type DatasetOptions, withDataset } from './with-dataset.js';

/** Options of `dinomix data fingerprint`. */
export interface FingerprintOptions extends DatasetOptions, WorkerOptions {
  readonly out?: string;
}

interface Fingerprint {
  readonly title: string;
  /** sha256 over classes, splits, preprocessing and files. */
  readonly digest: string;
  readonly percentiles: readonly number[];
  readonly classes: readonly ClassFrequency[];
  readonly cases: readonly CaseSurvey[];
}

function range(cases: readonly CaseSurvey[], what: 'shape' | 'spacing'): string {
  const axes = [0, 1, 2].map((axis) => {
    const values = cases.map((one) => one[what][axis as keyof Index3] as number).sort((a, b) => a - b);
    const middle = values[Math.floor(values.length / 2)]!;
    return [values[0]!, middle, values.at(-1)!].map((value) => Number(value.toFixed(3))).join(' / ');
  });
  return axes.join('   ');
}

function textOf({ title, percentiles, classes, cases }: Fingerprint): string {
  const middle = (which: 'intensities' | 'foreground') =>
    percentiles.map((_, index) => {
      const values = cases.flatMap((one) => (one[which] === null ? [] : [one[which]![index]!])).sort((a, b) => a - b);
      return values.length === 0 ? '-' : String(Number(values[Math.floor(values.length / 2)]!.toFixed(1)));
    });
  const table = [
    ['percentile', ...percentiles.map(String)],
    ['all voxels', ...middle('intensities')],
    ['foreground', ...middle('foreground')],
  ];
  return [
    `${title}: ${counted(cases.length, 'case')}`,
    `smallest / middle / largest along z, y, x`,
    columns([
      ['voxels', range(cases, 'shape')],
      ['mm', range(cases, 'spacing')],
    ]),
    'intensities, median over the cases',
    columns(table),
    'voxels of each class over the cases whose label may be read (bars are logarithmic)',
    columns(frequencyRows(classes)),
  ].join('\n');
}

async function describeDataset(dataset: Dataset, context: CommandContext, workers: number): Promise<Fingerprint> {
  const { SURVEY_PERCENTILES, surveyDataset } = await import('@dinomix/data/prepare');
  const progress = createCaseProgress(context.terminal);
  const cases = await surveyDataset(dataset, {
    workers,
    signal: context.signal,
    onCase: ({ caseId }, done, total) => progress.advance(caseId, done, total),
  }).finally(progress.clear);
  const { digest } = await dataset.fingerprint();
  const classes = classFrequencies(dataset.classes, cases);
  return { title: dataset.title, digest, percentiles: SURVEY_PERCENTILES, classes, cases };
}

/** Describes the data set of a config; with `--out` also as fingerprint.json and classes.svg. */
export async function fingerprintData(context: CommandContext, options: FingerprintOptions): Promise<void> {
  const result = await withDataset(context, options, (dataset) => describeDataset(dataset, context, options.workers));
  if (options.out !== undefined) {
    const folder = resolve(context.folder, options.out);
    await makeFolder(folder);
    await writeFileAtomic(join(folder, 'fingerprint.json'), `${JSON.stringify(result, null, 2)}\n`);
    await writeFileAtomic(join(folder, 'classes.svg'), frequencyChart(result.title, result.classes));
  }
  tell(context, options, result, () => textOf(result));
}
