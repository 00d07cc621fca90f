import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createHost } from '@dinomix/core';
import { builtIns, readCheckpoint, runTraining } from '@dinomix/trainer';
import { fromFloat16, readSafetensors } from '@dinomix/volume';
import { CONFIG } from './dinomix-command.mjs';
import { configOf } from './presets.mjs';
import { SPLIT } from './sizes.mjs';

/**
 * A run folder with the weights that a run begins with: it is stopped before its first step and writes them. `dinomix export`
 * takes it for a run of `dinomix train`.
 * @returns tensors of a safetensors file, the students' weights by variable name
 */
export async function createInitialRun(task, directory) {
  mkdirSync(directory, { recursive: true });
  const host = await createHost({ config: configOf(task), base: builtIns });
  const { status, reason } = await runTraining({ host, id: 'bench', directory, signal: AbortSignal.abort() });
  await host.dispose();
  if (status !== 'interrupted') throw new Error(`the run that only writes its weights ended otherwise: ${reason}`);
  const { config, configHash } = host;
  const spec = {
    configFile: CONFIG,
    configFileFromRun: relative(directory, CONFIG),
    overrides: [],
    configHash,
    config,
  };
  writeFileSync(join(directory, 'spec.json'), JSON.stringify(spec));
  const folder = join(directory, 'checkpoints');
  const [name] = readdirSync(folder).filter((file) => /^checkpoint-\d+\.json$/.test(file));
  const { variables } = await readCheckpoint(join(folder, name.slice(0, -'.json'.length)));
  const weights = [...variables].filter(([key]) => key.startsWith('student/'));
  return new Map(weights.map(([key, { shape, data }]) => [key, { dtype: 'F32', shape: [...shape], data }]));
}

/** The prepared image of the validation case `[d, h, w]`. */
export async function validationVolume({ data }) {
  const folder = join(data, 'prepared');
  const name = readdirSync(folder).find((file) => file.startsWith(SPLIT.validation[0]));
  const { shape, data: stored } = (await readSafetensors(join(folder, name))).tensor('image');
  return { dtype: 'F32', shape: [...shape], data: fromFloat16(stored) };
}
