import { type Backend, createHost, definePlugin, type Host, type PluginInstance, type Student } from '@dinomix/core';
import { builtIns } from '@dinomix/trainer';
import type { Tensor } from '@tensorflow/tfjs-core';
import { z } from 'zod';

const rest = definePlugin({
  name: 'rest',
  version: '1.0.0',
  core: '^1.0.0',
  api: 1,
  provides: ['dataset:none', 'loss:none'],
  options: z.strictObject({}),
  setup(api) {
    const refuse = (): never => {
      throw new Error('not part of this test');
    };
    api.provide('dataset', 'none', refuse);
    api.provide('loss', 'none', refuse);
  },
});

/** Opens the backend and the student of two plugins. */
export async function openSlots(
  ...plugins: readonly PluginInstance[]
): Promise<{ readonly backend: Backend<Tensor>; readonly student: Student<Tensor>; readonly host: Host<Tensor> }> {
  const host = await createHost<Tensor>({ config: { plugins: [...plugins, rest()] }, base: builtIns });
  const [backend] = await host.resolve('backend');
  const run = host.createRun({ id: 'test', directory: '/nowhere' });
  const [student] = await run.resolve('student');
  return { backend: backend!.value, student: student!.value, host };
}
