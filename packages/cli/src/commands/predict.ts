import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Axis, type DeviceName, type InferenceSettings, isDmxError, reasonOf } from '@dinomix/core';
import type { NiftiGeometry } from '@dinomix/volume';
import { type Command, InvalidArgumentError } from 'commander';
import { backendOf, DEFAULT_BACKEND, type OpenedBackend, openBackendPackage } from '../backend-host.js';
import {
  addConfig,
  type CommandContext,
  type ConfigOptions,
  choice,
  createCommand,
  positiveInteger,
  tell,
  triple,
  wholeNumber,
} from '../command.js';
import { openConfig } from '../config.js';
import { cliError, usageError } from '../errors.js';
import { failureToJson, failureToText } from '../failure.js';
import { LABEL_FORMATS, type LabelFormat, type PredictionPair, pairFiles } from '../predict/files.js';
import type { NetworkFacts } from '../predict/network-facts.js';
import { type OpenedNetwork, openNetwork } from '../predict/open-network.js';
import type { Prediction } from '../predict/predict-file.js';
import { openScans, type ReadScan } from '../predict/scan.js';
import { createStatusLine, type StatusLine } from '../terminal.js';
import { columns, counted, duration } from '../text.js';

interface PredictOptions extends ConfigOptions {
  readonly network?: string;
  readonly run?: string;
  readonly out?: string;
  readonly force?: boolean;
  readonly overlap?: number;
  readonly stride?: readonly [number, number, number];
  readonly blending?: InferenceSettings['blending'];
  readonly batch?: number;
  readonly mirror?: readonly Axis[];
  readonly device: DeviceName;
  readonly threads?: number;
  readonly geometry?: NiftiGeometry;
  readonly frame?: number;
  readonly format?: LabelFormat;
  readonly series?: string;
}

const AXES = { z: 0, y: 1, x: 2 } as const;

function readOverlap(value: string): number {
  const overlap = Number(value);
  if (value.trim() !== '' && overlap >= 0 && overlap < 1) return overlap;
  throw new InvalidArgumentError('Expected a share from 0 to below 1.');
}

function readAxes(value: string): readonly Axis[] {
  if (value === 'none') return [];
  return [...value.replaceAll(',', '')].map((letter) => {
    if (letter in AXES) return AXES[letter as keyof typeof AXES];
    throw new InvalidArgumentError('Expected letters of z, y and x, or none.');
  });
}

/** The network file of the options. */
function networkFile({ network, run }: PredictOptions, folder: string): string {
  if ((network === undefined) === (run === undefined)) {
    const problem = network === undefined ? 'No network was named.' : 'Both --network and --run were given.';
    const fix = 'Give one of them: --network file.onnx, or --run with the folder of a run.';
    throw usageError('DMX_CLI_OPTIONS', { problem, fix });
  }
  return resolve(folder, network ?? resolve(run!, 'network.onnx'));
}

/** The settings stored in the network, with those of the command line laid over. */
function inferenceOf(facts: NetworkFacts, options: PredictOptions): NetworkFacts['inference'] {
  const { overlap, stride, blending, batch, mirror } = options;
  return {
    ...facts.inference,
    // A stride that the run fixed gives way to an overlap that was asked for.
    ...(overlap === undefined ? {} : { overlap, stride: null }),
    ...(stride === undefined ? {} : { stride }),
    ...(blending === undefined ? {} : { blending }),
    ...(batch === undefined ? {} : { batch }),
    ...(mirror === undefined ? {} : { mirror }),
  };
}

/** The backend of the named config, or the default one beside the project. */
async function openBackend(context: CommandContext, options: PredictOptions): Promise<OpenedBackend> {
  if (options.config === undefined && options.overrides.length === 0) {
    return openBackendPackage(context, DEFAULT_BACKEND, '"dinomix predict" without --config');
  }
  const { host } = await openConfig(context, options);
  return backendOf(host);
}

interface Failed {
  readonly input: string;
  readonly failure: unknown;
}

/** Predicts file after file; one that fails does not keep the others from being written. */
async function predictAll(
  context: CommandContext,
  opened: OpenedNetwork,
  pairs: readonly PredictionPair[],
  readScan: ReadScan,
  options: PredictOptions,
  status: StatusLine,
): Promise<{ readonly done: readonly Prediction[]; readonly failed: readonly Failed[] }> {
  // Loads the tensor library, which other commands do not need.
  const { predictFile } = await import('../predict/predict-file.js');
  const inference = inferenceOf(opened.facts, options);
  const frame = options.frame ?? opened.facts.frame ?? null;
  const done: Prediction[] = [];
  const failed: Failed[] = [];
  for (const [index, pair] of pairs.entries()) {
    const input = pair.input.path;
    const name = `${index + 1}/${pairs.length} ${input}`;
    status.draw(name);
    try {
      await mkdir(dirname(pair.output), { recursive: true });
      const onWindows = (count: number, total: number) => status.draw(`${name}  window ${count}/${total}`);
      const { geometry = null, series = null } = options;
      const request = { pair, inference, geometry, frame, series, readScan, signal: context.signal, onWindows };
      const prediction = await predictFile(opened, request);
      done.push(prediction);
      if (options.json === true) continue;
      for (const note of prediction.notes) status.print(`note  ${note}`);
      status.print(`${pair.output}  ${duration(prediction.seconds)}`);
    } catch (failure) {
      context.signal.throwIfAborted();
      failed.push({ input, failure });
      if (options.json !== true) status.print(failureToText(failure, options.verbose === true));
      // What the network itself does wrong, it does to every file.
      if (isDmxError(failure) && failure.code === 'DMX_NETWORK_OUTPUT') break;
    }
  }
  return { done, failed };
}

function render(done: readonly Prediction[]): string {
  const [only] = done;
  if (done.length !== 1) return `${counted(done.length, 'image')} predicted`;
  const rows = Object.entries(only!.classes).map(([name, { voxels, millilitres }]) => {
    return [name, `${voxels} voxels`, `${millilitres.toFixed(1)} mL`];
  });
  return columns(rows);
}

async function predict(context: CommandContext, input: string, options: PredictOptions): Promise<void> {
  const file = networkFile(options, context.folder);
  const pairs = pairFiles(
    resolve(context.folder, input),
    options.out === undefined ? null : resolve(context.folder, options.out),
    options.format ?? null,
  );
  const existing = pairs.find(({ output }) => existsSync(output));
  if (existing !== undefined && options.force !== true) throw usageError('DMX_CLI_EXISTS', { file: existing.output });
  const readScan = await openScans(context.packages, pairs);
  const { backend, host } = await openBackend(context, options);
  const status = createStatusLine(context.terminal);
  try {
    const session = await backend.setup({ device: options.device, threads: options.threads ?? null });
    try {
      const opened = await openNetwork(session, file);
      const { done, failed } = await predictAll(context, opened, pairs, readScan, options, status).finally(
        opened.dispose,
      );
      status.clear();
      if (failed.length > 0 && pairs.length === 1) throw failed[0]!.failure;
      if (options.json !== true || failed.length === 0) {
        tell(context, options, { network: file, predictions: done }, () => render(done));
      } else {
        const failures = failed.map((one) => ({ input: one.input, error: failureToJson(one.failure) }));
        context.terminal.out(`${JSON.stringify({ network: file, predictions: done, failures })}\n`);
      }
      if (failed.length > 0) throw partly(failed, pairs.length);
    } finally {
      await session.dispose();
    }
  } finally {
    status.clear();
    await host.dispose();
  }
}

function partly(failed: readonly Failed[], total: number): Error {
  const [first] = failed;
  const reason = `${first!.input}: ${reasonOf(first!.failure)}`;
  return cliError('DMX_PREDICT_FAILED', { failed: failed.length, total, first: reason });
}

/** `dinomix predict`. */
export function predictCommand(context: CommandContext): Command {
  const command = createCommand(
    'predict',
    'segment an image (NIfTI, NRRD, MetaImage, DICOM series), or all of a folder',
  )
    .argument('<input>', '.nii, .nii.gz, .nrrd, .mha ... file, a folder with a DICOM series, or a folder of these')
    .option('-n, --network <file>', 'ONNX file written by "dinomix export"')
    .option('-r, --run <folder>', 'folder of a run that was exported')
    .option('-o, --out <path>', 'file or folder for the labels')
    .addOption(
      choice('--format <name>', 'of the labels; seg is DICOM SEG (default: by --out, or nifti)', LABEL_FORMATS),
    )
    .option('--series <uid>', 'SeriesInstanceUID, where a DICOM folder holds several series')
    .option('--force', 'write over files of the same name')
    .option('--overlap <share>', 'share of a window that the next one covers again', readOverlap)
    .option('--stride <d,h,w>', 'voxels between windows; goes before --overlap', triple)
    .addOption(choice('--blending <kind>', 'weights of a window', ['gaussian', 'uniform']))
    .option('--batch <number>', 'windows per call of the network', positiveInteger)
    .option('--mirror <axes>', 'axes mirrored and averaged: letters of zyx, or none', readAxes)
    .addOption(choice('--device <name>', 'where to compute', ['cpu', 'webgpu', 'cuda', 'auto']).default('cpu'))
    .option('--threads <number>', 'threads of the engine', positiveInteger)
    .addOption(choice('--geometry <matrix>', 'matrix to take where sform and qform disagree', ['sform', 'qform']))
    .option(
      '--frame <number>',
      'volume along the fourth axis, from 0 (default: that of the training files)',
      wholeNumber,
    );
  return addConfig(command).action((input: string, options: PredictOptions) => predict(context, input, options));
}
