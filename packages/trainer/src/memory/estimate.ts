import type { Dataset, Host, MemoryEstimate, ParameterSpec, Run } from '@dinomix/core';
import { voxelCount } from '@dinomix/volume';
import type { Tensor } from '@tensorflow/tfjs-core';
import { createTestNetwork, testedWeights } from '../evaluation/network.js';
import { createOps } from '../ops/create-ops.js';
import { buildNetworks, INPUT_CHANNELS } from '../run/build-networks.js';
import { buildParts } from '../run/build-parts.js';
import { createStepRunner } from '../step/host/step-runner.js';
import { createVariables } from '../step/host/variables.js';
import type { RunningBackend } from '../types.js';
import { batchBytes, caseMemory } from './cases.js';
import { evaluationBytes } from './evaluation.js';
import { madeUpBatch, madeUpDonors, madeUpFacts } from './made-up-data.js';
import { bytesOf, createMeasuringSession, untouched } from './measuring-session.js';
import { joinPhases, type TrainingMemory } from './phases.js';
import { processBytes } from './process.js';
import { hasTracedTaps, quietHooks } from './quiet-hooks.js';
import { type StandIns, standInTeachers } from './stand-in-teachers.js';

/** What an estimate is made of. */
export interface EstimateOptions {
  readonly host: Host<Tensor>;
  readonly session: RunningBackend;
  /** Folder of the run; it need not exist. */
  readonly directory: string;
}

const initial = ({ shape }: ParameterSpec): Float32Array =>
  untouched(new Float32Array(shape.reduce((product, side) => product * side, 1)));

/** The run with stand-ins for its teachers. */
function withTeachers(run: Run<Tensor>, { teachers }: StandIns): Run<Tensor> {
  const resolve = ((slot) =>
    slot === 'teacher' ? Promise.resolve(teachers) : run.resolve(slot)) as typeof run.resolve;
  return { ...run, resolve };
}

/** Makes one step and one look at a window on a session that measures instead of computing. */
async function trace(
  run: Run<Tensor>,
  dataset: Dataset,
  backend: RunningBackend,
): Promise<Pick<TrainingMemory, 'step' | 'evaluation' | 'variables'>> {
  const { train, inference } = run.config;
  const { patch, batch } = train;
  const variables = createVariables();
  run.onDispose('weights', () => variables.dispose());
  const { session, graphs } = createMeasuringSession(backend);
  const facts = madeUpFacts(dataset);
  const store = {
    get: () => Promise.reject(new Error('no case is read while memory is judged')),
    reserve: () => undefined,
  };
  const warn = () => undefined;
  const parts = await buildParts({ run, session, dataset, facts, variables, initial, store, stepsPerEpoch: 1, warn });
  const hooks = quietHooks(run.hooks);
  const { bank, cutDonors } = madeUpDonors(dataset, patch);
  const checkpointNote = () => '';
  const about = { run: run.info, passes: train.passes, session, facts };
  const material = { parts, variables, hooks, ...about, bank, cutDonors, checkpointNote, warn };
  const runner = createStepRunner(material);
  const position = { epoch: 0, step: 0, stepInEpoch: 0, epochs: train.epochs, stepsPerEpoch: 1 };
  await runner.step(madeUpBatch(dataset, patch, batch), position, run.signal);
  const step = [...graphs];
  const tested = testedWeights(parts, variables, inference.weights);
  const classCount = dataset.classes.length;
  const network = createTestNetwork({ parts, tested, session, inputChannels: INPUT_CHANNELS, classCount });
  await network.run(new Float32Array(inference.batch * voxelCount(patch)), [inference.batch, ...patch, 1]);
  return { step, evaluation: graphs.at(-1)!, variables: bytesOf(Object.values(variables.tensors)) };
}

/**
 * Judges the memory of a training: records its step and its evaluation without running them, and adds what the process, the
 * cases, the batches and teachers from outside hold. No volume is read but one where none is prepared and the recipe does not
 * fix the shape.
 * @returns null where the backend or a teacher cannot tell.
 * @throws DMX_PATCH_MULTIPLE and every error of parts that do not fit each other.
 */
export async function estimateMemory({ host, session, directory }: EstimateOptions): Promise<MemoryEstimate | null> {
  await using run = host.createRun({ id: 'memory', directory });
  const { config } = run;
  const [bound] = await run.resolve('dataset');
  const dataset = bound!.value;
  await buildNetworks(run, createOps(session.ops), dataset.classes.length);
  if (session.measureMemory === undefined) return null;
  const cases = await caseMemory(dataset, config);
  const standIns = await standInTeachers(run, dataset, cases.largest);
  if (standIns.silent) return null;
  const traced = await trace(withTeachers(run, standIns), dataset, session);
  return joinPhases({
    ...traced,
    keepsWork: config.train.validateEvery !== 1,
    sums: cases.evaluated === null ? 0 : evaluationBytes(cases.evaluated, dataset.classes.length, config),
    always: {
      process: processBytes(config.train.workers),
      'cases and batches': cases.kept + batchBytes(config),
      ...(standIns.bytes > 0 ? { 'teachers from outside': standIns.bytes } : {}),
    },
    notes: [...cases.notes, ...(hasTracedTaps(run.hooks) ? ['what plugins add to the graph by hooks'] : [])],
  });
}
