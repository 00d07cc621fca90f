import { join } from 'node:path';
import { type JsonObject, type RunSpec, reasonOf } from '@dinomix/core';
import { readRegularFile, writeFileAtomic } from '@dinomix/volume';
import { z } from 'zod';
import { usageError } from '../errors.js';

/** Name of the file in a run folder that says how the run was started. */
const NAME = 'spec.json';

const specSchema = z.object({
  configFile: z.string().min(1),
  overrides: z.array(z.string()).readonly(),
  configHash: z.string().min(1),
  config: z.record(z.string(), z.json()).transform((config) => config as JsonObject),
});

/** How a run was started. */
export type StoredSpec = Pick<RunSpec, 'configFile' | 'overrides' | 'configHash' | 'config'>;

/** Writes how a run is started into its folder, so that it can be resumed from there. */
export async function writeSpec({ configFile, overrides, configHash, config, directory }: RunSpec): Promise<void> {
  const text = JSON.stringify({ configFile, overrides, configHash, config }, null, 2);
  await writeFileAtomic(join(directory, NAME), `${text}\n`);
}

/** Reads it back. @throws DMX_CLI_RUN_FOLDER when the folder is not that of a run. */
export async function readSpec(directory: string): Promise<StoredSpec> {
  try {
    return specSchema.parse(JSON.parse(await readRegularFile(join(directory, NAME), 'utf8')));
  } catch (thrown) {
    throw usageError('DMX_CLI_RUN_FOLDER', { directory, reason: reasonOf(thrown) });
  }
}
