import type { Bound, Dataset, DatasetFacts, Metric, Run, TrainedImages } from '@dinomix/core';
import {
  type BatchLoader,
  type CaseStore,
  createBatchLoader,
  createCaseStore,
  createCaseWorkers,
} from '@dinomix/data/loader';
import { automaticSteps, countDataset, createDonorBank } from '@dinomix/data/prepare';
import type { Tensor } from '@tensorflow/tfjs-core';
import { type Checkpoints, checkpointFolder, createCheckpoints } from '../checkpoint/checkpoints.js';
import { trainerError } from '../errors.js';
import { createTestNetwork, type TestNetwork, testedWeights } from '../evaluation/network.js';
import { initialValues } from '../step/host/initial-values.js';
import { createStepRunner, type StepRunner } from '../step/host/step-runner.js';
import { createVariables, type Variables } from '../step/host/variables.js';
import type { StepParts } from '../step/parts.js';
import type { RunningBackend } from '../types.js';
import { INPUT_CHANNELS } from './build-networks.js';
import { buildParts } from './build-parts.js';
import type { EventStream } from './events.js';
import { keepRecorded, type RecordedData } from './recorded-data.js';

/** A run with everything that it works with. */
export interface Training {
  readonly run: Run<Tensor>;
  readonly session: RunningBackend;
  readonly dataset: Dataset;
  readonly facts: DatasetFacts;
  readonly images: TrainedImages;
  readonly variables: Variables;
  readonly parts: StepParts;
  readonly store: CaseStore;
  readonly metrics: readonly Bound<Metric>[];
  readonly checkpoints: Checkpoints;
  readonly runner: StepRunner;
  /** The network that evaluations test, with the present weights. */
  readonly network: TestNetwork;
  /** Whose weights the network has: `student`, or the id of a teacher. */
  readonly weights: string;
  readonly events: EventStream;
  readonly stepsPerEpoch: number;
  /** Path of the newest checkpoint of this process; null before the first. */
  lastCheckpoint: string | null;
  /** The batches from a step on. */
  loadFrom(step: number): BatchLoader;
}

/** @throws DMX_SELECT_COLUMN when the best checkpoint would be chosen by a number that nobody gives. */
function assertSelection(metrics: readonly Bound<Metric>[], { train }: Run<Tensor>['config']): void {
  if (train.validateEvery === 0 || metrics.length === 0) return;
  const known = metrics.flatMap(({ value }) => value.columns.map(({ name }) => name));
  if (!known.includes(train.selectBy)) throw trainerError('DMX_SELECT_COLUMN', { column: train.selectBy, known });
}

function checkpointNote(path: string | null): string {
  return path === null ? 'No checkpoint was written before.' : `The last good checkpoint is ${path}.`;
}

/** The data set of the config, with the split of the record where the run has one. */
async function openDataset(run: Run<Tensor>, events: EventStream, recorded: RecordedData | null): Promise<Dataset> {
  const [bound] = await run.resolve('dataset');
  if (recorded === null) return bound!.value;
  const { dataset, notes } = keepRecorded(bound!.value, recorded, run.info.directory);
  for (const message of notes) await events.emit({ type: 'warning', message, plugin: null });
  return dataset;
}

/**
 * Opens the data, counts it, builds networks and teachers. Everything is disposed with the run.
 * @param recorded - data of the run's record, whose split is kept; null for a run that begins.
 * @throws errors of the data set and of plugins, each naming its cause.
 */
export async function assembleTraining(
  run: Run<Tensor>,
  session: RunningBackend,
  events: EventStream,
  recorded: RecordedData | null,
): Promise<Training> {
  const { config, info, hooks } = run;
  const { train } = config;
  const dataset = await openDataset(run, events, recorded);
  const { preprocessing, workerSource, sampling, splits } = dataset;
  const classCount = dataset.classes.length;
  const source = { reader: dataset, workerSource, preprocessing, classCount, cache: dataset.cache ?? null };
  const workers = createCaseWorkers(source, train.workers);
  run.onDispose('loader', () => workers.dispose());
  const limit = train.caseMemoryMb * 1e6;
  const store = createCaseStore({ workers, hook: hooks.datasetSample, run: info, limit });
  const metrics = await run.resolve('metric');
  assertSelection(metrics, config);
  const { facts, labels, images } = await countDataset(dataset, store, train, run.signal);
  await hooks.datasetReady.call(facts, { run: info, position: null });
  const variables = createVariables();
  run.onDispose('weights', () => variables.dispose());
  const warn = (message: string, plugin: string | null) => {
    void events.emit({ type: 'warning', message, plugin });
  };
  const lengths = { labelled: splits.labelled.length, unlabelled: splits.unlabelled.length };
  const stepsPerEpoch = train.stepsPerEpoch === 'auto' ? automaticSteps(lengths, train.batch) : train.stepsPerEpoch;
  const material = { run, session, dataset, facts, variables, initial: initialValues, store, stepsPerEpoch, warn };
  const parts = await buildParts(material);
  const loadFrom = (step: number): BatchLoader => {
    const { labelled, unlabelled } = splits;
    const drawn = { seed: info.seed, labelled, unlabelled, batch: train.batch, patch: train.patch, sampling, labels };
    const ahead = { stepsPerEpoch, steps: train.epochs * stepsPerEpoch, queue: train.queue };
    return createBatchLoader({ ...drawn, ...ahead, store, workers }, step);
  };
  const donors = loadFrom(0);
  const tested = testedWeights(parts, variables, config.inference.weights);
  const training: Training = {
    run,
    session,
    dataset,
    facts,
    images,
    variables,
    parts,
    store,
    metrics,
    checkpoints: createCheckpoints(checkpointFolder(info.directory), train.keepCheckpoints),
    events,
    stepsPerEpoch,
    lastCheckpoint: null,
    loadFrom,
    network: createTestNetwork({ parts, tested, session, inputChannels: INPUT_CHANNELS, classCount }),
    weights: tested.source,
    runner: createStepRunner({
      parts,
      variables,
      hooks,
      run: info,
      session,
      facts,
      passes: train.passes,
      bank: createDonorBank(labels, train.patch, sampling.flips),
      cutDonors: (crops) => donors.donors(crops),
      checkpointNote: () => checkpointNote(training.lastCheckpoint),
      warn,
    }),
  };
  return training;
}
