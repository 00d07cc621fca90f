import type { Index3, NamedTensors, Run } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { type CheckpointChoice, checkpointFolder, createCheckpoints } from '../checkpoint/checkpoints.js';
import { trainerError } from '../errors.js';
import { createTestNetwork, type TestNetwork, testedStudent, testedWeights } from '../evaluation/network.js';
import { createOps } from '../ops/create-ops.js';
import { buildNetworks, INPUT_CHANNELS } from '../run/build-networks.js';
import { type LearnedFrom, readLearnedFrom } from '../run/record.js';
import { createVariables, type Variables } from '../step/host/variables.js';
import type { TeacherPart } from '../step/parts.js';
import type { RunningBackend, StudentNetwork } from '../types.js';

/** A trained network out of a run folder. The data set that it learned from is not opened. */
export interface TrainedNetwork {
  readonly learnedFrom: LearnedFrom;
  /** Path of the checkpoint, without extension. */
  readonly checkpoint: string;
  /** `student`, or the id of the teacher whose weights these are. */
  readonly source: string;
  readonly model: StudentNetwork;
  /** By parameter name of {@link model}. */
  readonly weights: NamedTensors<Tensor>;
  readonly patch: Index3;
  /** The same network, run by the backend directly. */
  readonly network: TestNetwork;
}

/** Teachers that are not opened: they are asked for their weights only. */
async function teachersOf(run: Run<Tensor>): Promise<TeacherPart[]> {
  if (run.config.inference.weights === 'student') return [];
  const bound = await run.resolve('teacher');
  return bound.map(({ id, plugin, value }) => ({ key: `teacher:${id}`, plugin, id, slot: value }));
}

async function readWeights(directory: string, choice: CheckpointChoice, variables: Variables): Promise<string> {
  const found = await createCheckpoints(checkpointFolder(directory), 1).read(choice);
  if (found === null) throw trainerError('DMX_RESUME_NOTHING', { directory });
  for (const [name, { shape, data }] of found.state.variables) {
    if (/^(student|teacher)\//.test(name)) variables.create(name, shape, data);
  }
  return found.path;
}

/**
 * Loads the network of a run out of a checkpoint. Its tensors are disposed with the run.
 * @param run - of the config that the folder was trained with.
 * @throws DMX_RESUME_NOTHING, DMX_RUN_RECORD, DMX_CHECKPOINT_READ, DMX_CHECKPOINT_CONTENT, DMX_WEIGHTS_CHOICE, DMX_PLUGIN_FAILED.
 */
export async function openTrained(
  run: Run<Tensor>,
  session: RunningBackend,
  choice: CheckpointChoice,
): Promise<TrainedNetwork> {
  const { directory } = run.info;
  const variables = createVariables();
  run.onDispose('weights', () => variables.dispose());
  const checkpoint = await readWeights(directory, choice, variables);
  const learnedFrom = await readLearnedFrom(directory);
  const classCount = learnedFrom.classes.length;
  const students = await buildNetworks(run, createOps(session.ops), classCount);
  const parts = { students, teachers: await teachersOf(run) };
  const tested = testedWeights(parts, variables, run.config.inference.weights);
  const { model, weights } = testedStudent(parts, tested);
  const missing = model.parameters.map(({ name }) => name).filter((name) => weights[name] === undefined);
  if (missing.length > 0) throw trainerError('DMX_CHECKPOINT_CONTENT', { file: checkpoint, missing, unknown: [] });
  return {
    learnedFrom,
    checkpoint,
    source: tested.source,
    model,
    weights,
    patch: run.config.train.patch,
    network: createTestNetwork({ parts, tested, session, inputChannels: INPUT_CHANNELS, classCount }),
  };
}
