import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { ResolvedConfig } from '@dinomix/core';

/**
 * The folder of a new run: `<runs>/<name>-seed<seed>`, with `-2`, `-3` ... behind it where that exists.
 * @param configFile - absolute path; `runs` is relative to its folder
 */
export function newRunFolder({ runs, name, seed }: ResolvedConfig, configFile: string): string {
  const base = join(resolve(dirname(configFile), runs), `${name}-seed${seed}`);
  let folder = base;
  for (let count = 2; existsSync(folder); count++) folder = `${base}-${count}`;
  return folder;
}
