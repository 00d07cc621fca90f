import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type ResolvedConfig, type RunSpec, reasonOf, type StoredConfig } from '@dinomix/core';
import { readRegularFile, writeFileAtomic } from '@dinomix/volume';
import { z } from 'zod';
import { usageError } from '../errors.js';

/** Name of the file in a run folder that says how the run was started. */
const NAME = 'spec.json';

const specSchema = z.object({
  configFile: z.string().min(1),
  configFileFromRun: z.string().min(1),
  overrides: z.array(z.string()).readonly(),
  configHash: z.string().min(1),
  config: z.looseObject({
    use: z.record(z.string(), z.json()),
    plugins: z.array(z.looseObject({ id: z.string(), name: z.string(), provides: z.array(z.string()) })),
  }),
});

/** Writes how a run is started into its folder, so that it can be resumed from there. */
export async function writeSpec({ configFile, overrides, configHash, config, directory }: RunSpec): Promise<void> {
  // A project that is moved takes its runs with it; a run that is moved alone leaves the project where it was.
  const configFileFromRun = relative(directory, configFile);
  const text = JSON.stringify({ configFile, configFileFromRun, overrides, configHash, config }, null, 2);
  await writeFileAtomic(join(directory, NAME), `${text}\n`);
}

/** Reads it back. @throws DMX_CLI_RUN_FOLDER when the folder is not that of a run. */
export async function readSpec(directory: string): Promise<StoredConfig> {
  try {
    const spec = specSchema.parse(JSON.parse(await readRegularFile(join(directory, NAME), 'utf8')));
    const places = [...new Set([resolve(directory, spec.configFileFromRun), spec.configFile])];
    const present = places.filter((file) => existsSync(file));
    const { overrides, configHash } = spec;
    const config = spec.config as unknown as ResolvedConfig;
    return { configFiles: present.length > 0 ? present : places, overrides, configHash, config };
  } catch (thrown) {
    throw usageError('DMX_CLI_RUN_FOLDER', { directory, reason: reasonOf(thrown) });
  }
}
