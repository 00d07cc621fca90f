import { type Backend, createHost, definePlugin, type Host } from '@dinomix/core';
import { z } from 'zod';
import type { CommandContext } from './command.js';
import type { Tensors } from './config.js';
import { usageError } from './errors.js';

/** The engine that is taken without a config. */
export const DEFAULT_BACKEND = '@dinomix/backend-onnxruntime';

/** Marks plugin factories, in every copy of core alike. */
const PLUGIN = Symbol.for('dinomix:plugin');

/** Fills the slots that a host asks for and that a backend alone does not need. */
const unused = definePlugin({
  name: '@dinomix/cli',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['dataset:unused', 'student:unused', 'loss:unused', 'optimizer:unused', 'schedule:unused'],
  options: z.strictObject({}),
  setup(api) {
    const refuse = (): never => {
      throw new Error('this command works with a backend alone');
    };
    api.provide('dataset', 'unused', refuse);
    api.provide('student', 'unused', refuse);
    api.provide('loss', 'unused', refuse);
    api.provide('optimizer', 'unused', refuse);
    api.provide('schedule', 'unused', refuse);
  },
});

/** A backend with the host that owns it. */
export interface OpenedBackend {
  readonly backend: Backend<Tensors>;
  readonly host: Host<Tensors>;
}

/** The backend of a host. */
export async function backendOf(host: Host<Tensors>): Promise<OpenedBackend> {
  const [bound] = await host.resolve('backend');
  return { backend: bound!.value, host };
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
  const module = await context.packages.load(name, wanted);
  const create = Object.values(module).find((exported) => typeof exported === 'function' && PLUGIN in exported);
  if (create === undefined) throw usageError('DMX_CLI_PACKAGE', { name, wanted, folder: context.packages.folder });
  return backendOf(
    await createHost({ config: { plugins: [Reflect.apply(create as CallableFunction, undefined, []), unused()] } }),
  );
}
