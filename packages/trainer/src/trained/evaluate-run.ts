import { join } from 'node:path';
import type { ClassInfo, EvaluationReport, Host, RunEvent, RunOutcome } from '@dinomix/core';
import { dataError } from '@dinomix/data/prepare';
import { makeFolder } from '@dinomix/volume';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { CheckpointChoice } from '../checkpoint/checkpoints.js';
import { trainerError } from '../errors.js';
import { evaluateSplit } from '../evaluation/evaluate.js';
import { evaluatedData } from '../evaluation/evaluated-data.js';
import { assembleTraining } from '../run/assemble.js';
import { createEventStream } from '../run/events.js';
import { evaluationMaterial } from '../run/loop.js';
import { openBackend } from '../run/open-backend.js';
import { readLearnedFrom } from '../run/record.js';
import { readRecordedData } from '../run/recorded-data.js';

/** What {@link evaluateRun} takes. */
export interface EvaluateOptions {
  readonly host: Host<Tensor>;
  readonly id: string;
  /** Absolute path of the run folder. */
  readonly directory: string;
  readonly role: 'validation' | 'test';
  readonly checkpoint: CheckpointChoice;
  /** Writes predicted NIfTI files to `predictions/` of the folder. */
  readonly writePredictions: boolean;
  readonly signal: AbortSignal;
  readonly onEvent: (event: RunEvent) => void;
  /** Receives the classes before the first case is evaluated. */
  readonly onClasses: (classes: readonly ClassInfo[]) => void;
}

const FINISHED: RunOutcome = {
  status: 'completed',
  reason: 'evaluated',
  position: null,
  error: null,
  seconds: 0,
  peakMb: 0,
  fallbackKernels: {},
};

/**
 * Evaluates a checkpoint of a run on a split, without its reporters: the events of the training stay as they are.
 * @throws DMX_RESUME_NOTHING, DMX_RUN_RECORD, DMX_RUN_DATA, DMX_SPLIT_EMPTY, errors of the checkpoint, the data set and the metrics.
 */
export async function evaluateRun(options: EvaluateOptions): Promise<EvaluationReport> {
  const { host, id, directory, role, signal, onEvent } = options;
  const run = host.createRun({ id, directory });
  const events = createEventStream({ run: run.info, reporters: [], hooks: run.hooks, onEvent });
  await run.start();
  try {
    const training = await assembleTraining(run, await openBackend(host), events, await readRecordedData(directory));
    const { checkpoints, variables, dataset, facts } = training;
    const { digest } = await readLearnedFrom(directory);
    if (facts.fingerprint.digest !== digest) {
      const message = 'the data set is not as it was in training: files have changed';
      await events.emit({ type: 'warning', message, plugin: null });
    }
    if (dataset.splits[role].length === 0)
      throw dataError('DMX_SPLIT_EMPTY', { role, needed: 'It is to be evaluated.' });
    options.onClasses(dataset.classes);
    const found = await checkpoints.read(options.checkpoint);
    if (found === null) throw trainerError('DMX_RESUME_NOTHING', { directory });
    variables.write(found.path, found.state.variables);
    const material = evaluationMaterial(training, signal);
    const predictions = join(directory, 'predictions');
    if (options.writePredictions) await makeFolder(predictions);
    const report = await evaluateSplit(role, options.writePredictions ? { ...material, predictions } : material);
    return { ...report, checkpoint: found.choice, data: await evaluatedData(dataset, role) };
  } finally {
    await run.end(FINISHED);
  }
}
