import { dirname, join } from 'node:path';
import {
  type Host,
  type JsonObject,
  type Run,
  type RunEvent,
  type RunOutcome,
  reasonOf,
  type StepPosition,
  shellWord,
} from '@dinomix/core';
import { withLeftOut } from '@dinomix/data/prepare';
import { makeFolder } from '@dinomix/volume';
import type { Tensor } from '@tensorflow/tfjs-core';
import { checkpointFolder, hasCheckpoints } from '../checkpoint/checkpoints.js';
import { trainerError } from '../errors.js';
import { evaluateSplit } from '../evaluation/evaluate.js';
import { evaluatedData } from '../evaluation/evaluated-data.js';
import { writeEvaluation } from '../evaluation/report-file.js';
import { checkMemory } from '../memory/check.js';
import type { OpenVariant } from '../memory/levers.js';
import { peakBytes } from '../memory/room.js';
import type { RunningBackend } from '../types.js';
import { assembleTraining, type Training } from './assemble.js';
import { changedData } from './changed-data.js';
import { createEventStream, type EventStream } from './events.js';
import { evaluationMaterial, type LoopEnd, TrainingLoop } from './loop.js';
import { openBackend } from './open-backend.js';
import { closeRecord, makeRecord, readRecord, writeRecord } from './record.js';
import { RECORD_FILE } from './record-file.js';
import { type RecordedData, readRecordedData } from './recorded-data.js';
import { asDmxError, runError } from './run-error.js';
import { assertNoCheckpoints, lockRun, makeRunFolder } from './run-lock.js';
import { restoreState } from './save.js';

/** What {@link runTraining} takes. */
export interface TrainingOptions {
  readonly host: Host<Tensor>;
  readonly id: string;
  /** Absolute path of the run folder. */
  readonly directory: string;
  /** Go on from the newest checkpoint of the folder. */
  readonly resume?: boolean;
  /** A stop request: the step is finished, a checkpoint written, the run ended. */
  readonly signal?: AbortSignal;
  /** Receives every event, beside the reporters. */
  readonly onEvent?: (event: RunEvent) => void;
  /** Command that predicts with the run's network, for the record. */
  readonly predictCommand?: string;
  /** Told once the folder belongs to this run alone, before anything is written there. */
  readonly onFolder?: () => Promise<void>;
  /** Go on where the memory will not suffice by the estimate. */
  readonly force?: boolean;
  /** Sets up the config with more overrides, to say what settings would save memory; absent says nothing of it. */
  readonly openVariant?: OpenVariant;
}

/** How training ended, for a person. */
interface TrainingEnd {
  readonly status: LoopEnd;
  readonly reason: string;
}

function endOf(status: LoopEnd, stopReason: string | null): TrainingEnd {
  const reasons: Readonly<Record<LoopEnd, string>> = {
    completed: 'all epochs are done',
    stopped: stopReason ?? 'stopped early',
    interrupted: 'stopped on request; resume goes on from the last checkpoint',
  };
  return { status, reason: reasons[status] };
}

/** The command that predicts with a run, from wherever it is given: npx finds `dinomix` in the project. */
function predictCommand(configFile: string | null, directory: string): string {
  const project = configFile === null ? '' : `cd ${shellWord(dirname(configFile))} && `;
  return `${project}npx dinomix predict image.nii.gz --run ${shellWord(directory)}`;
}

/** Begins anew, or loads the newest checkpoint. A run that was ended before its first one begins at its first step. */
async function startLoop(
  training: Training,
  recorded: RecordedData | null,
  { resume = false }: TrainingOptions,
  stop: AbortSignal,
): Promise<TrainingLoop> {
  const { checkpoints, run, events } = training;
  if (!resume) return new TrainingLoop(training, stop);
  const damaged: string[] = [];
  const latest = await checkpoints.readLatest((problem) => damaged.push(problem));
  for (const message of damaged) await events.emit({ type: 'warning', message, plugin: null });
  if (latest === null) {
    const { directory } = run.info;
    if (damaged.length > 0) throw trainerError('DMX_RESUME_DAMAGED', { directory, problems: damaged });
    const message = 'the run has no checkpoint yet: it begins at its first step';
    await events.emit({ type: 'warning', message, plugin: null });
    return new TrainingLoop(training, stop);
  }
  training.lastCheckpoint = latest.path;
  const changed = await changedData(run.info.directory, latest.state, training.facts);
  // Without a record nobody knows whether the cases are still in the parts that they were in.
  if (changed !== null && recorded === null) {
    throw trainerError('DMX_RUN_RECORD', { file: join(run.info.directory, RECORD_FILE), reason: changed });
  }
  if (changed !== null) await events.emit({ type: 'warning', message: changed, plugin: null });
  return new TrainingLoop(training, stop, await restoreState(training, latest.state, latest.path));
}

/**
 * The data of the record that a resumed run keeps to; null where it has no checkpoint, so that nothing was learned yet, or its
 * record cannot be read.
 */
async function recordedData({ directory, resume = false }: TrainingOptions): Promise<RecordedData | null> {
  if (!resume || !(await hasCheckpoints(checkpointFolder(directory)))) return null;
  return readRecordedData(directory).catch(() => null);
}

/** Tests the best weights on the test split and writes the report and the predictions. @returns false when a stop request came in between. */
async function testBest(training: Training, stop: AbortSignal): Promise<boolean> {
  const { dataset, run, checkpoints, variables, events } = training;
  if (dataset.splits.test.length === 0) return true;
  const best = await checkpoints.read('best');
  if (best !== null) variables.write(best.path, best.state.variables);
  const predictions = join(run.info.directory, 'predictions');
  await makeFolder(predictions);
  const material = evaluationMaterial(training, stop);
  try {
    const evaluated = await evaluateSplit('test', {
      ...material,
      predictions,
      onSlice: (slice) => events.emit({ type: 'slice', slice }),
    });
    const data = await evaluatedData(dataset, 'test');
    const report = { ...evaluated, checkpoint: best?.choice ?? 'latest', data } as const;
    await writeEvaluation(run.info.directory, report);
    await events.emit({ type: 'evaluation', report });
    return true;
  } catch (thrown) {
    if (stop.aborted && thrown === stop.reason) return false;
    throw thrown;
  }
}

/** How far a run came, for its outcome. */
interface Reached {
  session: RunningBackend | null;
  training: Training | null;
  /** The folder has the record of this run, not that of another. */
  recorded: boolean;
  /** Gives the run folder back. */
  unlock: () => Promise<void>;
}

/** Whether the folder has a record that can be read; of a damaged one the run tells. */
async function hasRecord(directory: string, events: EventStream): Promise<boolean> {
  try {
    return (await readRecord(directory)) !== null;
  } catch (thrown) {
    const message = `${reasonOf(thrown)}: it is written again, as of this start of the run`;
    await events.emit({ type: 'warning', message, plugin: null });
    return false;
  }
}

async function train(
  run: Run<Tensor>,
  events: EventStream,
  options: TrainingOptions,
  stop: AbortSignal,
  reached: Reached,
): Promise<TrainingEnd> {
  const { host, directory, resume = false } = options;
  await makeRunFolder(directory);
  reached.unlock = await lockRun(directory);
  if (!resume) await assertNoCheckpoints(directory);
  await options.onFolder?.();
  await events.open();
  await run.start();
  reached.session = await openBackend(host);
  const memory = await checkMemory({
    host,
    session: reached.session,
    directory,
    force: options.force ?? false,
    open: options.openVariant ?? null,
    onEstimate: (estimate, room) => events.emit({ type: 'memory', estimate, room }),
  });
  const recorded = await recordedData(options);
  const training = await assembleTraining(run, reached.session, events, recorded);
  reached.training = training;
  const loop = await startLoop(training, recorded, options, stop);
  const record = makeRecord(
    training,
    memory,
    options.predictCommand ?? predictCommand(host.environment.file, directory),
  );
  // A run that begins anew after it was ended before its first checkpoint may have another config.
  if (loop.progress.step === 0 || !(await hasRecord(directory, events))) await writeRecord(directory, record);
  reached.recorded = true;
  await events.emit({ type: 'run.start', record });
  const status = await loop.run();
  const tested = status === 'interrupted' || (await testBest(training, stop));
  return endOf(tested ? status : 'interrupted', loop.progress.stopReason);
}

/** The reporters, or why they cannot be made: the run then fails without them. */
async function resolveReporters(run: Run<Tensor>) {
  try {
    return { reporters: await run.resolve('reporter'), failure: null };
  } catch (thrown) {
    return { reporters: [], failure: thrown };
  }
}

/** Folder of prepared volumes of the run's data set; null where there is none, or the data set cannot be opened. */
async function cacheOf(run: Run<Tensor>): Promise<string | null> {
  return run.resolve('dataset').then(
    ([dataset]) => dataset?.value.cache ?? null,
    () => null,
  );
}

/**
 * Trains one run from beginning to end: data, networks, steps, evaluation, checkpoints, test, predictions. Blocks its thread
 * while the backend computes; `dinomix` runs it in a worker thread.
 * @returns how the run ended. A failure is an outcome too: it carries the error, and every checkpoint written before is whole.
 */
export async function runTraining(options: TrainingOptions): Promise<RunOutcome> {
  const { host, id, directory, onEvent = () => undefined } = options;
  const stop = options.signal ?? new AbortController().signal;
  const started = performance.now();
  const run = host.createRun({ id, directory });
  const { reporters, failure } = await resolveReporters(run);
  const events = createEventStream({ run: run.info, reporters, hooks: run.hooks, onEvent });
  const reached: Reached = {
    session: null,
    training: null,
    recorded: false,
    unlock: () => Promise.resolve(),
  };
  const outcome = (status: RunOutcome['status'], reason: string, error: JsonObject | null): RunOutcome => {
    const position: StepPosition | null = events.position;
    const seconds = (performance.now() - started) / 1000;
    const fallbackKernels = reached.session?.usage().fallbackKernels ?? {};
    return { status, reason, position, error, seconds, peakMb: Math.round(peakBytes() / 1e6), fallbackKernels };
  };
  let ended: RunOutcome;
  try {
    if (failure !== null) throw failure;
    const { status, reason } = await train(run, events, options, stop, reached);
    ended = outcome(status, reason, null);
  } catch (thrown) {
    const { session, training } = reached;
    const checkpoint = training?.lastCheckpoint ?? null;
    const failed = { host, id, directory, session, position: events.position, checkpoint };
    const error = await withLeftOut(await runError(thrown, failed), () => cacheOf(run));
    ended = outcome('failed', `${error.summary}: ${error.why}`, error.toJSON());
    await run.fail(error, events.position);
  }
  // What fails from here on must not hide how the run ended.
  const unclosed = reached.recorded ? await closeRecord(directory, ended).then(() => null, reasonOf) : null;
  if (unclosed !== null) {
    const message = `${RECORD_FILE} does not say how the run ended: ${unclosed}`;
    await events.emit({ type: 'warning', message, plugin: null }).catch(() => undefined);
  }
  await events.emit({ type: 'run.end', outcome: ended }).catch(() => undefined);
  await events.close().catch(() => undefined);
  await reached.unlock();
  return run.end(ended).then(
    () => ended,
    (thrown: unknown) => {
      const alone = thrown instanceof AggregateError && thrown.errors.length === 1;
      const error = asDmxError(alone ? thrown.errors[0] : thrown, id);
      // Why training failed goes before what went wrong while the run was put away.
      if (ended.status !== 'failed') return outcome('failed', `${error.summary}: ${error.why}`, error.toJSON());
      return { ...ended, reason: `${ended.reason}. Then ${error.summary}: ${error.why}` };
    },
  );
}
