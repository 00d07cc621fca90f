import { resolve } from 'node:path';
import {
  type BackendSession,
  createHost,
  type Host,
  type LoadedConfig,
  loadConfigFile,
  type Preset,
  restoreHost,
} from '@dinomix/core';
import type { RunningBackend } from '@dinomix/trainer';
import type { CommandContext, ConfigOptions } from './command.js';
import { PUBLISHED_PLUGINS } from './published-plugins.js';
import { readSpec } from './train/spec-file.js';
import { unusedOptions } from './unused-options.js';

/** Tensors of the trainer. */
export type Tensors = RunningBackend extends BackendSession<infer T> ? T : never;

/** A config that was read, checked and set up. */
export interface OpenedConfig {
  readonly loaded: LoadedConfig;
  readonly host: Host<Tensors>;
}

/** Reads the config of a command. @throws every problem of the first phase of validation that has any. */
export async function openConfig(context: CommandContext, options: ConfigOptions): Promise<OpenedConfig> {
  return openWith(context, options, (await import('@dinomix/trainer')).builtIns);
}

/** The same for commands that look at data alone: no tensor library is loaded. */
export async function openDataConfig(context: CommandContext, options: ConfigOptions): Promise<OpenedConfig> {
  return openWith(context, options, (await import('@dinomix/trainer/built-ins')).builtIns);
}

async function openWith(context: CommandContext, options: ConfigOptions, base: Preset): Promise<OpenedConfig> {
  const loaded = await loadConfigFile(resolve(context.folder, options.config ?? '.'), options.overrides);
  const host = await createHost<Tensors>({ ...loaded, ...hostOptions(context, base) });
  for (const line of unusedOptions(loaded, host)) context.terminal.err(`note: ${line}\n`);
  return { loaded, host };
}

/** Sets up a config that was read before. */
export async function openLoaded(context: CommandContext, loaded: LoadedConfig): Promise<Host<Tensors>> {
  const { builtIns } = await import('@dinomix/trainer');
  return createHost<Tensors>({ ...loaded, ...hostOptions(context, builtIns) });
}

function hostOptions(context: CommandContext, base: Preset) {
  return {
    base,
    installed: installedKeys(context),
    published: PUBLISHED_PLUGINS,
    onWarning: (message: string, plugin: string) => context.terminal.err(`warning: ${plugin}: ${message}\n`),
  };
}

/**
 * Sets up the config of a run as the run has it, whatever the config file says today, and says so where they differ.
 * @throws DMX_CLI_RUN_FOLDER, DMX_RUN_PLUGIN, DMX_RUN_CONFIG.
 */
export async function openRun(context: CommandContext, directory: string): Promise<OpenedConfig> {
  const stored = await readSpec(directory);
  const { builtIns } = await import('@dinomix/trainer');
  const { host, loaded, notes } = await restoreHost<Tensors>(stored, directory, hostOptions(context, builtIns));
  for (const note of notes) context.terminal.err(`note: ${note}\n`);
  return { host, loaded };
}

/** Package by key of the plugins that the project declares; they are named when a config misses one. */
function installedKeys({ packages }: CommandContext): Readonly<Record<string, string>> {
  return Object.fromEntries(packages.plugins().flatMap(({ name, provides }) => provides.map((key) => [key, name])));
}
