import { join, relative } from 'node:path';
import { type RunSpec, SPEC_FILE } from '@dinomix/core';
import { writeFileAtomic } from '@dinomix/volume';

/**
 * Writes how a run is started into its folder, so that it can be resumed from there. Whoever runs it does so once the folder
 * is its own; `runTraining` behind `@dinomix/trainer/train-worker` does.
 */
export async function writeSpec({ configFile, overrides, configHash, config, directory }: RunSpec): Promise<void> {
  // A project that is moved takes its runs with it; a run that is moved alone leaves the project where it was.
  const configFileFromRun = relative(directory, configFile);
  const text = JSON.stringify({ configFile, configFileFromRun, overrides, configHash, config }, null, 2);
  await writeFileAtomic(join(directory, SPEC_FILE), `${text}\n`);
}
