import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { loadConfigFile, type Run } from '@dinomix/core';
import type { CheckpointChoice, RunningBackend, TrainedNetwork } from '@dinomix/trainer';
import { writeFileAtomic } from '@dinomix/volume';
import type { Command } from 'commander';
import { type CommandContext, type CommonOptions, choice, createCommand, tell } from '../command.js';
import { openLoaded, type Tensors } from '../config.js';
import { cliError, usageError } from '../errors.js';
import { trainedAxes } from '../export/trained-axes.js';
import { type Verification, verifyExport } from '../export/verify.js';
import { encodeFacts, type NetworkFacts } from '../predict/network-facts.js';
import { readSpec } from '../train/spec-file.js';

interface ExportOptions extends CommonOptions {
  readonly out?: string;
  readonly checkpoint: CheckpointChoice;
  readonly force?: boolean;
}

/** A label may differ where two classes are as probable but for rounding; this is how much of a crop that can be. */
const TOLERATED = 1e-4;

async function factsOf(
  trained: TrainedNetwork,
  { config, info }: Pick<Run<Tensors>, 'config' | 'info'>,
): Promise<NetworkFacts> {
  const { dataset, patch, source, checkpoint } = trained;
  const { stride, overlap, blending, batch, mirror } = config.inference;
  const axes = await trainedAxes(dataset);
  return {
    title: dataset.title,
    origin: `run ${info.id}, ${basename(checkpoint)}, weights of ${source}`,
    classes: dataset.classes,
    preprocessing: dataset.preprocessing,
    ...(axes === null ? {} : { axes }),
    ...(dataset.frame === undefined || dataset.frame === null ? {} : { frame: dataset.frame }),
    patch,
    padValue: dataset.sampling.padValue,
    inference: { stride, overlap, blending, batch, mirror },
  };
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

async function exportRun(context: CommandContext, folder: string, options: ExportOptions): Promise<void> {
  const directory = resolve(context.folder, folder);
  const file = options.out === undefined ? join(directory, 'network.onnx') : resolve(context.folder, options.out);
  if (existsSync(file) && options.force !== true) throw usageError('DMX_CLI_EXISTS', { file });
  const { configFile, overrides } = await readSpec(directory);
  const host = await openLoaded(context, await loadConfigFile(configFile, overrides));
  try {
    const { openBackend, openTrained } = await import('@dinomix/trainer');
    const session: RunningBackend = await openBackend(host);
    if (session.exportStudent === undefined) {
      throw cliError('DMX_CLI_BACKEND', { backend: session.name, task: 'write an ONNX file' });
    }
    const run = host.createRun({ id: basename(directory), directory });
    const trained = await openTrained(run, session, options.checkpoint);
    const { model, weights, patch, dataset } = trained;
    const facts = await factsOf(trained, run);
    const classCount = dataset.classes.length;
    const bytes = await session.exportStudent({
      model,
      weights,
      inputChannels: 1,
      classCount,
      patch,
      metadata: encodeFacts(facts),
    });
    const verification = await verify(session, bytes, trained);
    await writeFileAtomic(file, bytes);
    const result = { file, bytes: bytes.length, origin: facts.origin, verification };
    tell(context, options, result, () => `${file}\n${facts.origin}; ${renderVerification(verification)}`);
  } finally {
    await host.dispose();
  }
}

function renderVerification({ voxels, different, largestDifference }: Verification): string {
  const labels =
    different === 0 ? `the same labels on ${voxels} voxels` : `${different} of ${voxels} labels differ by rounding`;
  return `${labels}, probabilities within ${largestDifference.toExponential(1)}`;
}

/** `dinomix export`. */
export function exportCommand(context: CommandContext): Command {
  return createCommand('export', 'write the network of a run as an ONNX file, checked against the network itself')
    .argument('<run>', 'folder of the run')
    .option('-o, --out <file>', 'file to write (default: network.onnx in the folder)')
    .addOption(choice('--checkpoint <which>', 'checkpoint to take', ['best', 'latest']).default('best'))
    .option('--force', 'write over an existing file')
    .action((folder: string, options: ExportOptions) => exportRun(context, folder, options));
}
