import { basename } from 'node:path';
import type { Run } from '@dinomix/core';
import type { CheckpointChoice, RunningBackend, TrainedNetwork } from '@dinomix/trainer';
import { writeFileAtomic } from '@dinomix/volume';
import type { CommandContext } from '../command.js';
import { openRun, type Tensors } from '../config.js';
import { cliError, usageError } from '../errors.js';
import { decodeFacts, encodeFacts, type NetworkFacts } from '../predict/network-facts.js';
import { type Verification, verifyExport } from './verify.js';

/** Which network of a run to write, and where to. Absolute paths. */
export interface ExportRequest {
  readonly directory: string;
  readonly file: string;
  readonly checkpoint: CheckpointChoice;
}

/** A network that was written. */
export interface Exported {
  readonly file: string;
  readonly bytes: number;
  /** Run, checkpoint and weights that it was made from. */
  readonly origin: string;
  readonly verification: Verification;
}

/** A label may differ where two classes are as probable but for rounding; this is how much of a crop that can be. */
const TOLERATED = 1e-4;

/** All that is between an image file and its labels, as the run was trained with it. */
function factsOf(trained: TrainedNetwork, { config, info }: Pick<Run<Tensors>, 'config' | 'info'>): NetworkFacts {
  const { learnedFrom, patch, source, checkpoint } = trained;
  const { stride, overlap, blending, batch, mirror } = config.inference;
  const { title, classes, images } = learnedFrom;
  const facts: NetworkFacts = {
    title,
    origin: `run ${info.id}, ${basename(checkpoint)}, weights of ${source}`,
    classes,
    ...images,
    patch,
    inference: { stride, overlap, blending, batch, mirror },
  };
  try {
    return decodeFacts(encodeFacts(facts));
  } catch (thrown) {
    throw usageError('DMX_CLI_RUN_FOLDER', { directory: info.directory, reason: `record.json: ${String(thrown)}` });
  }
}

/** Loads the bytes again and compares them with the network. @throws DMX_EXPORT_DIFFERS. */
async function verify(
  session: Pick<RunningBackend, 'name' | 'loadNetwork'>,
  bytes: Uint8Array,
  trained: TrainedNetwork,
): Promise<Verification> {
  if (session.loadNetwork === undefined) {
    throw cliError('DMX_CLI_BACKEND', { backend: session.name, task: 'run an exported network' });
  }
  const network = await session.loadNetwork(bytes);
  const verification = await verifyExport(trained, network).finally(() => network.dispose());
  const { different, voxels } = verification;
  if (different <= TOLERATED * voxels && Number.isFinite(verification.largestDifference)) return verification;
  throw cliError('DMX_EXPORT_DIFFERS', { ...verification });
}

/**
 * Writes the network of a run as an ONNX file. The data set is not opened: how its images were read and prepared is in the
 * record of the run.
 * @throws DMX_CLI_RUN_FOLDER, DMX_RUN_PLUGIN, DMX_RUN_CONFIG, DMX_RUN_RECORD, DMX_RESUME_NOTHING, DMX_CLI_BACKEND,
 *   DMX_EXPORT_DIFFERS.
 */
export async function exportRun(context: CommandContext, request: ExportRequest): Promise<Exported> {
  const { directory, file, checkpoint } = request;
  const { host } = await openRun(context, directory);
  try {
    const { openBackend, openTrained } = await import('@dinomix/trainer');
    const session: RunningBackend = await openBackend(host);
    if (session.exportStudent === undefined) {
      throw cliError('DMX_CLI_BACKEND', { backend: session.name, task: 'write an ONNX file' });
    }
    const run = host.createRun({ id: basename(directory), directory });
    const trained = await openTrained(run, session, checkpoint);
    const { model, weights, patch } = trained;
    const facts = factsOf(trained, run);
    const bytes = await session.exportStudent({
      model,
      weights,
      inputChannels: 1,
      classCount: facts.classes.length,
      patch,
      metadata: encodeFacts(facts),
    });
    const verification = await verify(session, bytes, trained);
    await writeFileAtomic(file, bytes);
    return { file, bytes: bytes.length, origin: facts.origin, verification };
  } finally {
    await host.dispose();
  }
}

/** What a person reads of a written network. */
export function exportedText({ file, origin, verification }: Exported): string {
  const { voxels, different, largestDifference } = verification;
  const labels =
    different === 0 ? `the same labels on ${voxels} voxels` : `${different} of ${voxels} labels differ by rounding`;
  return `${file}\n${origin}; ${labels}, probabilities within ${largestDifference.toExponential(1)}`;
}
