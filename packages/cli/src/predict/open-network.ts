import { readFile } from 'node:fs/promises';
import { type Network, reasonOf } from '@dinomix/core';
import type { RunningBackend, WindowNetwork } from '@dinomix/trainer';
import { cliError } from '../errors.js';
import { decodeFacts, type NetworkFacts } from './network-facts.js';

/** A network file that is ready to predict. */
export interface OpenedNetwork {
  readonly file: string;
  readonly facts: NetworkFacts;
  /** Whether it takes other batches than it was written for. */
  readonly dynamic: boolean;
  readonly network: WindowNetwork;
  dispose(): Promise<void>;
}

/** A sum is finite where all its terms are, and cheap. */
function assertFinite(data: Float32Array, file: string): void {
  let sum = 0;
  for (const value of data) sum += value;
  if (Number.isFinite(sum)) return;
  const reason = 'Its output has values that are not finite numbers, so no class can be chosen.';
  throw cliError('DMX_NETWORK_OUTPUT', { file, reason });
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw cliError('DMX_NETWORK_FILE', { file, reason: reasonOf(cause) }, { cause });
  }
}

/**
 * Loads a network file into a session.
 * @throws DMX_NETWORK_FILE for a file that is not there, is damaged, or was made by something else; DMX_CLI_BACKEND.
 */
export async function openNetwork(
  session: Pick<RunningBackend, 'name' | 'loadNetwork'>,
  file: string,
): Promise<OpenedNetwork> {
  if (session.loadNetwork === undefined) {
    throw cliError('DMX_CLI_BACKEND', { backend: session.name, task: 'run an exported network' });
  }
  const bytes = await readBytes(file);
  let network: Network | undefined;
  try {
    network = await session.loadNetwork(bytes);
    return describe(file, network);
  } catch (cause) {
    await network?.dispose();
    throw cliError('DMX_NETWORK_FILE', { file, reason: reasonOf(cause) }, { cause });
  }
}

function describe(file: string, network: Network): OpenedNetwork {
  const run: WindowNetwork['run'] = async (x, shape) => {
    const result = await network.run(x, shape);
    assertFinite(result.data, file);
    return result;
  };
  const facts = decodeFacts(network.metadata);
  return {
    file,
    facts,
    dynamic: network.dynamic,
    network: { output: 'logits', run },
    dispose: () => network.dispose(),
  };
}
