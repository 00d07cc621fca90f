import type { CheckpointReader, CheckpointWriter, SlotState, StateArray, Stateful, StepPosition } from '@dinomix/core';
import type { CheckpointState } from '../checkpoint/state.js';
import { trainerError } from '../errors.js';
import { guardedAsync, type Worker } from '../step/guard.js';
import type { Training } from './assemble.js';
import { type Progress, progressFromJson, progressToJson } from './progress.js';

type JsonObject = SlotState['json'];

/** Parts that carry state, with who they are. */
function statefulParts({ parts }: Training): readonly (readonly [Worker, Stateful])[] {
  const bound = [
    ...parts.teachers.map(({ key, plugin, slot }) => [{ key, plugin }, slot] as const),
    ...parts.mixers.map(({ id, plugin, value }) => [{ key: `mixer:${id}`, plugin }, value] as const),
    ...parts.weighters.flatMap(({ key, plugin, slot }) =>
      slot.host === undefined ? [] : [[{ key, plugin }, slot.host] as const],
    ),
  ];
  return bound.flatMap(([worker, part]) => {
    const { getState, setState } = part;
    if (getState === undefined || setState === undefined) return [];
    return [[worker, { getState: getState.bind(part), setState: setState.bind(part) }] as const];
  });
}

/** Asks the taps of `checkpoint.save`; each plugin writes under its own id. */
async function hookStates({ run }: Training, position: StepPosition | null): Promise<Record<string, SlotState>> {
  const states: Record<string, { json: Record<string, JsonObject>; arrays: Record<string, StateArray> }> = {};
  const { checkpointSave } = run.hooks;
  if (!checkpointSave.isUsed()) return states;
  const forPlugin = (pluginId: string): CheckpointWriter => {
    states[pluginId] ??= { json: {}, arrays: {} };
    const own = states[pluginId];
    return {
      json: (key, value) => {
        own.json[key] = structuredClone(value);
      },
      array: (key, value) => {
        own.arrays[key] = { shape: [...value.shape], data: value.data.slice() };
      },
    };
  };
  await checkpointSave.call({ forPlugin }, { run: run.info, position });
  return states;
}

/** Everything from which the run can go on. */
export async function collectState(
  training: Training,
  progress: Progress,
  position: StepPosition | null,
): Promise<CheckpointState> {
  const { id, seed, configHash } = training.run.info;
  const dataDigest = training.facts.fingerprint.digest;
  const slots: Record<string, SlotState> = {};
  for (const [worker, part] of statefulParts(training)) {
    slots[worker.key] = await guardedAsync(worker, 'save its state', position, () => part.getState());
  }
  return {
    run: { id, seed, configHash, dataDigest },
    step: progress.step,
    progress: progressToJson(progress),
    variables: await training.variables.read(),
    slots,
    plugins: await hookStates(training, position),
  };
}

/**
 * Brings the run to where the checkpoint was made.
 * @param path - of the checkpoint, for messages.
 * @throws DMX_RESUME_CONFIG, DMX_CHECKPOINT_CONTENT, DMX_PARAMETER_SHAPE, DMX_PLUGIN_FAILED.
 */
export async function restoreState(training: Training, state: CheckpointState, path: string): Promise<Progress> {
  const { run, variables } = training;
  if (state.run.configHash !== run.info.configHash) {
    const { directory, configHash } = run.info;
    throw trainerError('DMX_RESUME_CONFIG', { directory, found: state.run.configHash, expected: configHash });
  }
  const stateful = statefulParts(training);
  const known = stateful.map(([{ key }]) => key);
  const missing = known.filter((key) => !(key in state.slots));
  const unknown = Object.keys(state.slots).filter((key) => !known.includes(key));
  if (missing.length + unknown.length > 0)
    throw trainerError('DMX_CHECKPOINT_CONTENT', { file: path, missing, unknown });
  variables.write(path, state.variables);
  for (const [worker, part] of stateful) {
    await guardedAsync(worker, `restore its state from ${path}`, null, () => part.setState(state.slots[worker.key]!));
  }
  const forPlugin = (pluginId: string): CheckpointReader => {
    const own = state.plugins[pluginId];
    return { json: (key) => own?.json[key] as JsonObject | undefined, array: (key) => own?.arrays[key] };
  };
  await run.hooks.checkpointLoad.call({ forPlugin }, { run: run.info, position: null });
  return progressFromJson(state.progress, state.step);
}

/** Writes a checkpoint and tells about it. @param best - whether it is the best so far. */
export async function saveCheckpoint(
  training: Training,
  progress: Progress,
  position: StepPosition,
  best: boolean,
): Promise<void> {
  const path = await training.checkpoints.write(await collectState(training, progress, position), best);
  training.lastCheckpoint = path;
  await training.events.emit({ type: 'checkpoint', path, position, best });
}
