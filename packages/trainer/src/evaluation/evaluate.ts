import { join } from 'node:path';
import type {
  Bound,
  CaseResult,
  Dataset,
  EvaluationReport,
  InferenceSettings,
  Metric,
  MetricValues,
  ResolvedConfig,
} from '@dinomix/core';
import type { CaseStore } from '@dinomix/data/loader';
import type { PreparedCase } from '@dinomix/data/prepare';
import { type Grid, type LabelNames, resizeNearest, writeNifti } from '@dinomix/volume';
import { labelsOfSource, restoreLabels } from '../inference/labels.js';
import { type SlidingWindowOptions, slidingWindow, type WindowNetwork } from '../inference/sliding-window.js';
import { WholeLabels } from '../inference/whole-labels.js';
import { guardedAsync } from '../step/guard.js';
import type { TestNetwork } from './network.js';
import { cutSlice } from './slices.js';
import { summarise } from './summarise.js';

/** What an evaluation works with. */
export interface EvaluationMaterial {
  readonly dataset: Dataset;
  readonly store: CaseStore;
  readonly config: ResolvedConfig;
  readonly metrics: readonly Bound<Metric>[];
  readonly network: TestNetwork;
  /** Which weights the network has, for the report. */
  readonly weights: string;
  readonly signal: AbortSignal;
  readonly onCase: (result: CaseResult) => Promise<void>;
  /** Receives a picture of each case; absent makes none. */
  readonly onSlice?: (slice: ReturnType<typeof cutSlice>) => Promise<void>;
  /** Folder for predicted NIfTI files; absent writes none. */
  readonly predictions?: string;
}

/** How windows are laid in evaluation, by the config. */
function windowOptions({ train, inference }: ResolvedConfig, dataset: Dataset): SlidingWindowOptions {
  const { stride, overlap, blending, batch, mirror }: InferenceSettings = inference;
  const classCount = dataset.classes.length;
  const { padValue } = dataset.sampling;
  return { stride, overlap, blending, batch, mirror, patch: train.patch, classCount, padValue };
}

/** Runs every metric on one case. */
export async function measure(
  metrics: readonly Bound<Metric>[],
  { shape, spacing }: Compared['grid'],
  prediction: Uint8Array,
  reference: Uint8Array,
  classCount: number,
): Promise<MetricValues> {
  const values: MetricValues[] = [];
  for (const { id, plugin, value: metric } of metrics) {
    const worker = { key: `metric:${id}`, plugin };
    values.push(
      await guardedAsync(worker, 'compare two label maps', null, () =>
        metric.evaluate({ prediction, reference, shape, spacing, classCount }),
      ),
    );
  }
  return Object.assign({}, ...values) as MetricValues;
}

/** A pair of label maps on the grid that metrics compare on. */
interface Compared {
  readonly grid: Pick<PreparedCase, 'shape' | 'spacing'>;
  readonly prediction: Uint8Array;
  readonly reference: Uint8Array;
}

/** Brings prediction and reference to {@link Dataset.metricShape}, where the data set names one. */
export function onMetricGrid(
  grid: Grid,
  prediction: Uint8Array,
  reference: Uint8Array,
  shape: Dataset['metricShape'],
): Compared {
  if (shape == null) return { grid, prediction, reference };
  const resized = (data: Uint8Array) => resizeNearest({ ...grid, data }, shape, { rule: 'nearest' });
  const compared = resized(prediction);
  return { grid: compared, prediction: compared.data, reference: resized(reference).data };
}

/** By class: whether the reference holds it, and whether prediction and reference share a voxel of it. */
export function presence(
  prediction: Uint8Array,
  reference: Uint8Array,
  classCount: number,
): Required<Pick<CaseResult, 'present' | 'hit'>> {
  const present = new Array<boolean>(classCount).fill(false);
  const hit = new Array<boolean>(classCount).fill(false);
  for (let voxel = 0; voxel < reference.length; voxel++) {
    const label = reference[voxel]!;
    present[label] = true;
    if (prediction[voxel] === label) hit[label] = true;
  }
  return { present, hit };
}

async function evaluateCase(
  caseId: string,
  role: 'validation' | 'test',
  network: WindowNetwork,
  material: EvaluationMaterial,
): Promise<CaseResult | null> {
  const { dataset, store, config, metrics, signal } = material;
  const started = performance.now();
  const prepared = await store.get(caseId, role);
  const options = windowOptions(config, dataset);
  const { preprocessing } = dataset;
  const whole = new WholeLabels(prepared.shape);
  const onSource =
    material.predictions === undefined ? whole : labelsOfSource(prepared, preprocessing, options.classCount, whole);
  await slidingWindow(prepared, network, options, new Set([whole, onSource]), { signal });
  const prediction = whole.labels;
  if (material.onSlice !== undefined) {
    const { shape, spacing, image, label } = prepared;
    await material.onSlice(cutSlice({ caseId, shape, spacing, image, prediction, reference: label, preprocessing }));
  }
  if (material.predictions !== undefined) {
    const restored = restoreLabels(onSource.labels, prepared, preprocessing);
    const labelNames: LabelNames = new Map(dataset.classes.map(({ index, name }) => [index, name]));
    await writeNifti(join(material.predictions, `${caseId}.nii.gz`), restored, { labelNames });
  }
  if (prepared.label === null) return null;
  const compared = onMetricGrid(prepared, prediction, prepared.label, dataset.metricShape);
  const values = await measure(metrics, compared.grid, compared.prediction, compared.reference, options.classCount);
  const found = presence(compared.prediction, compared.reference, options.classCount);
  return { caseId, role, values, ...found, seconds: (performance.now() - started) / 1000 };
}

/**
 * Evaluates a split by sliding window; metrics compare on the working grid (method.md §2.6), or on that of
 * {@link Dataset.metricShape}. Cases without a reference are predicted and not
 * scored.
 */
export async function evaluateSplit(
  role: 'validation' | 'test',
  material: EvaluationMaterial,
): Promise<EvaluationReport> {
  const { dataset, metrics } = material;
  const results: CaseResult[] = [];
  const { network, close } = await material.network.open();
  try {
    for (const caseId of dataset.splits[role]) {
      material.signal.throwIfAborted();
      const result = await evaluateCase(caseId, role, network, material);
      if (result === null) continue;
      results.push(result);
      await material.onCase(result);
    }
  } finally {
    await close();
  }
  const columns = metrics.flatMap(({ value }) => value.columns);
  return summarise(role, columns, results, dataset.classes, material.weights);
}
