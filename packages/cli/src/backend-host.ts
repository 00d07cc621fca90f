import { type Backend, type Bound, createHost, definePlugin, type Host, type SlotKey } from '@dinomix/core';
import { z } from 'zod';
import type { CommandContext } from './command.js';
import type { Tensors } from './config.js';
import { usageError } from './errors.js';

/** The engine that is taken without a config. */
export const DEFAULT_BACKEND = '@dinomix/backend-onnxruntime';

/** Marks plugin factories, in every copy of core alike. */
const PLUGIN = Symbol.for('dinomix:plugin');

/** Slots that a host asks for and that a command with one plugin does not need. */
const REQUIRED = ['backend', 'dataset', 'student', 'loss', 'optimizer', 'schedule'] as const;

/** Fills the required slots but one. */
function unusedBut(slot: 'backend' | 'dataset') {
  const others = REQUIRED.filter((one) => one !== slot);
  const refuse = (): never => {
    throw new Error('this command works with one plugin alone');
  };
  return definePlugin({
    name: '@dinomix/cli',
    version: '1.0.0',
    core: '^1.0.0',
    api: 1,
    provides: others.map((one): SlotKey => `${one}:unused`),
    options: z.strictObject({}),
    setup: (api) => {
      for (const one of others) api.provide(one, 'unused' as never, refuse);
    },
  })();
}

/**
 * Opens the plugin of an installed package without a config.
 * @param wanted - what needs it, for the message
 * @throws DMX_CLI_PACKAGE where it is not installed or exports no plugin.
 */
export async function openPluginAlone(
  context: CommandContext,
  name: string,
  slot: 'backend' | 'dataset',
  wanted: string,
  options: object = {},
): Promise<Host<Tensors>> {
  const module = await context.packages.load(name, wanted);
  const create = Object.values(module).find((exported) => typeof exported === 'function' && PLUGIN in exported);
  if (create === undefined) throw usageError('DMX_CLI_PACKAGE', { name, wanted, folder: context.packages.folder });
  const plugin = Reflect.apply(create as CallableFunction, undefined, [options]);
  return createHost({ config: { plugins: [plugin, unusedBut(slot)] } });
}

/** A backend with the host that owns it. */
export interface OpenedBackend {
  readonly bound: Bound<Backend<Tensors>>;
  readonly backend: Backend<Tensors>;
  readonly host: Host<Tensors>;
}

/** The backend of a host. */
export async function backendOf(host: Host<Tensors>): Promise<OpenedBackend> {
  const [bound] = await host.resolve('backend');
  return { bound: bound!, backend: bound!.value, host };
}

/**
 * Opens the backend of an installed package without a config, with its default options.
 * @throws DMX_CLI_PACKAGE where it is not installed or exports no plugin.
 */
export async function openBackendPackage(
  context: CommandContext,
  name: string,
  wanted: string,
): Promise<OpenedBackend> {
  return backendOf(await openPluginAlone(context, name, 'backend', wanted));
}
