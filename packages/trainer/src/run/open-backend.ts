import type { Host } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { guardedAsync } from '../step/guard.js';
import type { RunningBackend } from '../types.js';

const sessions = new WeakMap<Host<Tensor>, Promise<RunningBackend>>();

async function setUp(host: Host<Tensor>): Promise<RunningBackend> {
  const [bound] = await host.resolve('backend');
  const { id, plugin, value } = bound!;
  const worker = { key: `backend:${id}`, plugin };
  const { device, threads } = host.config;
  const session = await guardedAsync(worker, `start on device "${device}"`, null, () =>
    value.setup({ device, threads }),
  );
  host.onDispose(worker.key, () => session.dispose());
  return session;
}

/** The session of a host's backend, started at the first call and disposed with the host. */
export function openBackend(host: Host<Tensor>): Promise<RunningBackend> {
  let session = sessions.get(host);
  if (session === undefined) {
    session = setUp(host);
    sessions.set(host, session);
  }
  return session;
}
