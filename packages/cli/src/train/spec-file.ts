import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ResolvedConfig, reasonOf, SPEC_FILE, type StoredConfig } from '@dinomix/core';
import { readRegularFile } from '@dinomix/volume';
import { z } from 'zod';
import { usageError } from '../errors.js';

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

/** Reads how a run was started out of its folder. @throws DMX_CLI_RUN_FOLDER when the folder is not that of a run. */
export async function readSpec(directory: string): Promise<StoredConfig> {
  try {
    const spec = specSchema.parse(JSON.parse(await readRegularFile(join(directory, SPEC_FILE), 'utf8')));
    const places = [...new Set([resolve(directory, spec.configFileFromRun), spec.configFile])];
    const present = places.filter((file) => existsSync(file));
    const { overrides, configHash } = spec;
    const config = spec.config as unknown as ResolvedConfig;
    return { configFiles: present.length > 0 ? present : places, overrides, configHash, config };
  } catch (thrown) {
    throw usageError('DMX_CLI_RUN_FOLDER', { directory, reason: reasonOf(thrown) });
  }
}
