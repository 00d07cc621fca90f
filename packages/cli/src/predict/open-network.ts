import { createHash } from 'node:crypto';
import { type Network, reasonOf } from '@dinomix/core';
import type { RunningBackend, WindowNetwork } from '@dinomix/trainer';
import { readRegularFile } from '@dinomix/volume';
import { cliError } from '../errors.js';
import { decodeFacts, type NetworkFacts } from './network-facts.js';

/** A network file that is ready to predict. */
export interface OpenedNetwork {
  readonly file: string;
  /** sha256 (hexadecimal) of the file. */
  readonly digest: string;
  readonly facts: NetworkFacts;
  /** Windows of every call; null leaves them to the settings. */
  readonly batch: number | null;
  readonly network: WindowNetwork;
  dispose(): Promise<void>;
}

async function readBytes(file: string): Promise<Uint8Array> {
  try {
    return await readRegularFile(file);
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
    network = await session.loadNetwork(bytes, () => readBytes(file));
    return describe(file, createHash('sha256').update(bytes).digest('hex'), network);
  } catch (cause) {
    await network?.dispose();
    throw cliError('DMX_NETWORK_FILE', { file, reason: reasonOf(cause) }, { cause });
  }
}

const shown = (sides: readonly (number | null)[]) => `[${sides.map((side) => side ?? 'any').join(', ')}]`;

/** What a file says about itself must be what its graph does. @throws Error saying what was expected and found. */
function assertAgree({ classes, patch }: NetworkFacts, { classCount, inputSides }: Network): void {
  if (classCount !== classes.length) {
    throw new Error(`it names ${classes.length} classes, and its graph gives ${classCount ?? 'any number of'}`);
  }
  const expected = [inputSides[0]!, ...patch, 1];
  if (inputSides.some((side, axis) => side !== null && side !== expected[axis])) {
    throw new Error(`its windows are ${shown(expected)}, and its graph takes ${shown(inputSides)}`);
  }
}

function describe(file: string, digest: string, network: Network): OpenedNetwork {
  const facts = decodeFacts(network.metadata);
  assertAgree(facts, network);
  return {
    file,
    digest,
    facts,
    batch: network.inputSides[0]!,
    network: {
      output: 'logits',
      run: (x, shape) => network.run(x, shape),
      ...(network.openWindows ? { openWindows: (request) => network.openWindows!(request) } : {}),
    },
    dispose: () => network.dispose(),
  };
}
