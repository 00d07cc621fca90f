import { type Backend, type Bound, type DeviceName, type Host, reasonOf } from '@dinomix/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { trainerError } from '../errors.js';
import type { RunningBackend } from '../types.js';

const sessions = new WeakMap<Host<Tensor>, Promise<RunningBackend>>();

/** Starts a backend. @throws DMX_DEVICE where it does not work on the device. */
export async function startBackend(
  { id, plugin, value }: Bound<Backend<Tensor>>,
  device: DeviceName,
  threads: number | null,
): Promise<RunningBackend> {
  try {
    return await value.setup({ device, threads });
  } catch (cause) {
    const details = { backend: id, device, reason: reasonOf(cause) };
    throw trainerError('DMX_DEVICE', details, { plugin, phase: 'create', cause });
  }
}

async function setUp(host: Host<Tensor>): Promise<RunningBackend> {
  const [bound] = await host.resolve('backend');
  const { device, threads } = host.config;
  const session = await startBackend(bound!, device, threads);
  host.onDispose(`backend:${bound!.id}`, () => session.dispose());
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
