import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { dmxError } from '../errors/codes.js';
import { isDmxError, reasonOf } from '../errors/dmx-error.js';
import { configOf, type RawConfig } from './define-config.js';
import { show } from './merge.js';

/** Names that are looked for in a folder, in this order. */
const FILE_NAMES = ['ts', 'mts', 'js', 'mjs'].map((extension) => `dinomix.config.${extension}`);

/** A config file with the overrides of a command line, ready for a host. */
export interface LoadedConfig {
  /** Absolute path. */
  readonly file: string;
  readonly config: RawConfig;
  /** E.g. `--set train.epochs=3`, in the order of the command line. */
  readonly overrides: readonly string[];
}

function findFile(path: string): string {
  const absolute = resolve(path);
  if (!existsSync(absolute)) throw dmxError('DMX_CONFIG_NOT_FOUND', { searched: absolute }, { phase: 'load' });
  const stat = statSync(absolute);
  if (stat.isFile()) return absolute;
  if (!stat.isDirectory()) {
    throw dmxError('DMX_CONFIG_LOAD', { file: absolute, reason: 'it is no regular file' }, { phase: 'load' });
  }
  const found = FILE_NAMES.map((name) => resolve(absolute, name)).find((file) => existsSync(file));
  if (found !== undefined) return found;
  const searched = `${absolute} with ${FILE_NAMES.join(', ')}`;
  throw dmxError('DMX_CONFIG_NOT_FOUND', { searched }, { phase: 'load' });
}

/**
 * Loads a config file. Nothing else takes part: no `.env`, no rc files, no package.json, no downloads.
 * @param path - a file, or a folder with a `dinomix.config.ts` (`.mts`, `.js`, `.mjs`).
 * @throws DMX_CONFIG_NOT_FOUND, DMX_CONFIG_LOAD with the cause, DMX_CONFIG_NOT_OBJECT.
 */
export async function loadConfigFile(path: string, overrides: readonly string[] = []): Promise<LoadedConfig> {
  const file = findFile(path);
  let exported: unknown;
  try {
    // Only the process that starts a run reads config files; plugins and loader threads import core without these.
    const [{ loadConfig }, { createJiti }] = await Promise.all([import('c12'), import('jiti')]);
    const loaded = await loadConfig({
      name: 'dinomix',
      cwd: resolve(file, '..'),
      configFile: file,
      configFileRequired: true,
      giget: false,
      dotenv: false,
      rcFile: false,
      globalRc: false,
      packageJson: false,
      extend: false,
      envName: false,
      jiti: createJiti(file, { interopDefault: true }),
      // One source, handed on untouched: c12 would otherwise copy it and lose what marks configs and plugins.
      merger: (_overrides, main) => {
        exported = main;
        return {};
      },
    });
    exported ??= loaded.config;
  } catch (thrown) {
    if (isDmxError(thrown)) throw thrown;
    throw dmxError('DMX_CONFIG_LOAD', { file, reason: reasonOf(thrown) }, { phase: 'load', cause: thrown });
  }
  const config = configOf(exported);
  if (config === null) {
    throw dmxError('DMX_CONFIG_NOT_OBJECT', { file, found: show(exported) }, { phase: 'load' });
  }
  return { file, config, overrides: [...overrides] };
}
