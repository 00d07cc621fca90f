import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Axis, type DeviceName, type ImageReading, type InferenceSettings, shellWord } from '@dinomix/core';
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
import { networkOf } from '../export/network-of.js';
import { failureToJson, failureToText } from '../failure.js';
import { caseImages } from '../predict/case-images.js';
import { LABEL_FORMATS, type LabelFormat, type PredictionPair, pairFiles } from '../predict/files.js';
import { findInputs, type PredictionInput } from '../predict/inputs.js';
import { type Continued, continuePairs, markOf } from '../predict/labels-there.js';
import { leavesGaps, type NetworkFacts } from '../predict/network-facts.js';
import { type OpenedNetwork, openNetwork } from '../predict/open-network.js';
import { type Failed, predictAll } from '../predict/predict-all.js';
import type { Prediction } from '../predict/predict-file.js';
import { readingOf, readingText } from '../predict/reading.js';
import { openScans } from '../predict/scan.js';
import { createStatusLine, type StatusLine } from '../terminal.js';
import { columns, counted } from '../text.js';

interface PredictOptions extends ConfigOptions {
  readonly network?: string;
  readonly run?: string;
  readonly out?: string;
  readonly force?: boolean;
  readonly continue?: boolean;
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
  readonly replaceNonFinite?: number;
}

const AXES = { z: 0, y: 1, x: 2 } as const;

function readOverlap(value: string): number {
  const overlap = Number(value);
  if (value.trim() !== '' && overlap >= 0 && overlap < 1) return overlap;
  throw new InvalidArgumentError('Expected a share from 0 to below 1.');
}

function readNumber(value: string): number {
  const number = Number(value);
  if (value.trim() !== '' && Number.isFinite(number)) return number;
  throw new InvalidArgumentError('Expected a number.');
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
  return network === undefined ? networkOf(resolve(folder, run!)) : resolve(folder, network);
}

/** A run that was trained and not exported yet is exported now, in its best state. */
async function exportIfNeeded(context: CommandContext, { run, json }: PredictOptions): Promise<void> {
  if (run === undefined) return;
  const directory = resolve(context.folder, run);
  const file = networkOf(directory);
  if (existsSync(file)) return;
  const { exportedText, exportRun } = await import('../export/export-run.js');
  const exported = await exportRun(context, { directory, file, checkpoint: 'best' });
  if (json !== true) context.terminal.err(`${exportedText(exported)}\n`);
}

/** The settings stored in the network, with those of the command line laid over. @throws DMX_CLI_OPTIONS for a stride that leaves gaps. */
function inferenceOf(facts: NetworkFacts, options: PredictOptions): NetworkFacts['inference'] {
  const { overlap, stride, blending, batch, mirror } = options;
  if (stride !== undefined && leavesGaps(facts.patch, stride)) {
    const problem = `--stride ${stride.join(',')} is longer than the windows of ${facts.patch.join(',')}: voxels between them would get no class.`;
    const fix = `Give at most ${facts.patch.join(',')}.`;
    throw usageError('DMX_CLI_OPTIONS', { problem, fix });
  }
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

function render(done: readonly Prediction[], there: number): string {
  const kept = there === 0 ? '' : `, ${there} there already`;
  const [only] = done;
  if (done.length !== 1 || there > 0) return `${counted(done.length, 'image')} predicted${kept}`;
  const rows = Object.entries(only!.classes).map(([name, { voxels, millilitres }]) => {
    return [name, `${voxels} voxels`, `${millilitres.toFixed(1)} mL`];
  });
  return columns(rows);
}

/** Everything that was named: the images of cases and where their labels go, and what of it cannot be predicted. */
function planPairs(path: string, inputs: readonly PredictionInput[], reading: ImageReading, place: Place) {
  const { images, lacking, notes } = caseImages(inputs, path, reading);
  const failed = lacking.map(({ path: input, problem }): Failed => {
    return { input, failure: usageError('DMX_CLI_INPUT', { path: input, problem }) };
  });
  if (images.length === 0) throw failed[0]!.failure;
  return { pairs: pairFiles(images, path, place.out, place.format), failed, notes };
}

interface Place {
  readonly out: string | null;
  readonly format: LabelFormat | null;
}

/** Sorts out labels that are there already. @throws DMX_CLI_EXISTS, DMX_CLI_OPTIONS. */
async function settleExisting(
  pairs: readonly PredictionPair[],
  mark: string,
  options: PredictOptions,
): Promise<Continued> {
  if (options.continue === true) return continuePairs(pairs, mark);
  const existing = pairs.find(({ output }) => existsSync(output));
  if (existing === undefined || options.force === true) return { left: pairs, there: [], unmarked: [] };
  if (pairs.length === 1) throw usageError('DMX_CLI_EXISTS', { file: existing.output });
  throw usageError('DMX_PREDICT_THERE', { file: existing.output });
}

/** The network of a run may be older than the run: it went on since, or another checkpoint was chosen. */
async function staleNote(context: CommandContext, { run }: PredictOptions, origin: string): Promise<string | null> {
  if (run === undefined) return null;
  const { bestCheckpoint } = await import('@dinomix/trainer');
  const directory = resolve(context.folder, run);
  const best = await bestCheckpoint(directory);
  if (best === null || origin.includes(`, ${best},`)) return null;
  return `note  the network is of ${origin}; the run has ${best}: npx dinomix export ${shellWord(directory)} --force`;
}

async function predictWith(
  context: CommandContext,
  opened: OpenedNetwork,
  path: string,
  inputs: readonly PredictionInput[],
  options: PredictOptions,
  status: StatusLine,
): Promise<void> {
  const { facts, digest, file } = opened;
  const inference = inferenceOf(facts, options);
  const reading = readingOf(facts.reading, options);
  const { batch: _, ...decisive } = inference;
  const mark = markOf(digest, decisive, reading);
  const out = options.out === undefined ? null : resolve(context.folder, options.out);
  const planned = planPairs(path, inputs, reading, { out, format: options.format ?? null });
  const { left, there, unmarked } = await settleExisting(planned.pairs, mark, options);
  const readScan = await openScans(context.packages, left);
  const say = (line: string | null) => {
    if (options.json !== true && line !== null) status.print(line);
  };
  say(await staleNote(context, options, facts.origin));
  say(readingText(reading, facts.reading));
  for (const note of planned.notes) say(`note  ${note}`);
  if (unmarked.length > 0) say(`note  ${unmarked.length} labels that are there do not tell which network wrote them`);
  if (planned.pairs.length + planned.failed.length > 1) {
    for (const { failure } of planned.failed) say(failureToText(failure, options.verbose === true));
  }
  const settings = { inference, reading, series: options.series ?? null, mark, readScan };
  const { done, failed: broken } = await predictAll(context, opened, left, settings, options, status);
  status.clear();
  const failed = [...planned.failed, ...broken];
  const total = left.length + planned.failed.length;
  if (failed.length > 0 && total === 1) throw failed[0]!.failure;
  const result = { network: file, reading, predictions: done, there };
  if (options.json !== true || failed.length === 0) tell(context, options, result, () => render(done, there.length));
  else {
    const failures = failed.map((one) => ({ input: one.input, error: failureToJson(one.failure) }));
    context.terminal.out(`${JSON.stringify({ ...result, failures })}\n`);
  }
  if (failed.length > 0) {
    throw cliError('DMX_PREDICT_FAILED', { total, failed: failed.map(({ input }) => input) });
  }
}

async function predict(context: CommandContext, input: string, options: PredictOptions): Promise<void> {
  if (options.continue === true && options.force === true) {
    const problem = '--continue keeps the labels that are there, --force writes over them.';
    throw usageError('DMX_CLI_OPTIONS', { problem, fix: 'Give one of them.' });
  }
  const file = networkFile(options, context.folder);
  const path = resolve(context.folder, input);
  const inputs = findInputs(path);
  await exportIfNeeded(context, options);
  const { bound, host } = await openBackend(context, options);
  const status = createStatusLine(context.terminal);
  try {
    const { startBackend } = await import('@dinomix/trainer');
    const session = await startBackend(bound, options.device, options.threads ?? null);
    try {
      const opened = await openNetwork(session, file);
      await predictWith(context, opened, path, inputs, options, status).finally(opened.dispose);
    } finally {
      await session.dispose();
    }
  } finally {
    status.clear();
    await host.dispose();
  }
}

/** `dinomix predict`. */
export function predictCommand(context: CommandContext): Command {
  const command = createCommand(
    'predict',
    'segment an image (NIfTI, NRRD, MetaImage, DICOM series), or all of a folder',
  )
    .argument('<input>', '.nii, .nii.gz, .nrrd, .mha ... file, a folder with a DICOM series, or a folder of these')
    .option('-n, --network <file>', 'ONNX file written by "dinomix export"')
    .option('-r, --run <folder>', 'folder of a run; its network is exported where that was not done')
    .option('-o, --out <path>', 'file or folder for the labels')
    .addOption(
      choice('--format <name>', 'of the labels; seg is DICOM SEG (default: by --out, or nifti)', LABEL_FORMATS),
    )
    .option('--series <uid>', 'SeriesInstanceUID, where a DICOM folder holds several series')
    .option('--continue', 'keep the labels that are there already and predict the rest')
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
    )
    .option(
      '--replace-non-finite <number>',
      'stands in for NaN and infinite intensities (default: as in training)',
      readNumber,
    );
  return addConfig(command).action((input: string, options: PredictOptions) => predict(context, input, options));
}
