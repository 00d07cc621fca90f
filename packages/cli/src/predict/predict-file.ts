import { isDmxError, reasonOf } from '@dinomix/core';
import type { PreparedCase } from '@dinomix/data/prepare';
import {
  inferenceBytes,
  memoryRoom,
  type PredictOptions,
  predictPrepared,
  prepareImage,
  type WindowWatch,
} from '@dinomix/trainer';
import {
  determinantOf,
  type Grid,
  type Reorientation,
  reorient,
  undoReorientation,
  type Volume,
} from '@dinomix/volume';
import { cliError } from '../errors.js';
import type { PredictionPair } from './files.js';
import { findingsOf } from './findings.js';
import type { NetworkFacts } from './network-facts.js';
import type { OpenedNetwork } from './open-network.js';
import type { ReadScan, Scan, ScanOptions } from './scan.js';
import { turnFor } from './turn.js';

/** How one image is predicted. */
export interface PredictRequest extends ScanOptions {
  /** Tells the network and its settings. */
  readonly mark: string;
  readonly pair: PredictionPair;
  readonly inference: NetworkFacts['inference'];
  readonly readScan: ReadScan;
  readonly onWindows: NonNullable<WindowWatch['onWindows']>;
  /** Told what a person should know of the image, before it is predicted. */
  readonly onNote: (note: string) => void;
}

/** What came out for one image. */
export interface Prediction {
  readonly input: string;
  readonly output: string;
  readonly shape: readonly number[];
  /** What was left out or assumed in reading. */
  readonly notes: readonly string[];
  readonly seconds: number;
  /** Voxels and millilitres of each class by name, background left out. */
  readonly classes: Readonly<Record<string, { readonly voxels: number; readonly millilitres: number }>>;
}

/** Voxels are as large as the affine says, whose axes need not be at right angles. */
export function measure(labels: Volume<Uint8Array>, facts: Pick<NetworkFacts, 'classes'>): Prediction['classes'] {
  const counts = new Array<number>(facts.classes.length).fill(0);
  for (const label of labels.data) counts[label]!++;
  const millilitres = Math.abs(determinantOf(labels.affine)) * 1e-3;
  const rows = facts.classes.slice(1).map(({ index, name }) => {
    const voxels = counts[index]!;
    return [name, { voxels, millilitres: Number((voxels * millilitres).toFixed(3)) }] as const;
  });
  return Object.fromEntries(rows);
}

/** Whether an array was too large to allocate, or an engine had no memory for the network. */
function isOutOfMemory(cause: unknown): boolean {
  return (
    cause instanceof RangeError || (cause instanceof Error && 'code' in cause && cause.code === 'DMX_ENGINE_MEMORY')
  );
}

/** What says that memory ended says nothing of the file that asked for it. */
function memoryFailure(cause: unknown, { pair }: PredictRequest, { shape }: Grid, facts: NetworkFacts): unknown {
  if (!isOutOfMemory(cause)) return cause;
  const { grid } = facts.preprocessing;
  const classes = facts.classes.length;
  return cliError(
    'DMX_PREDICT_MEMORY',
    { file: pair.input.path, shape, classes, grid: JSON.stringify(grid) },
    { cause },
  );
}

/**
 * Judges what the sums and labels of an image take before the network sees it: a process that takes more than there is, is
 * killed without a word. @throws DMX_PREDICT_MEMORY.
 */
function assertRoom({ pair }: PredictRequest, { shape, source }: PreparedCase, options: PredictOptions): void {
  const { sums, labels, windows } = inferenceBytes({
    ...options,
    ...{ shape, source: source.shape, sourceBytes: 4, channels: 1 },
  });
  const needed = sums + labels + windows;
  const left = memoryRoom().bytes - process.memoryUsage().rss;
  if (needed <= left) return;
  const { classCount, preprocessing } = options;
  const grid = JSON.stringify(preprocessing.grid);
  throw cliError('DMX_PREDICT_MEMORY', {
    file: pair.input.path,
    shape: source.shape,
    classes: classCount,
    ...{ grid, needed, left },
  });
}

/** What the engine says where a network's shapes do not fit one another names neither file nor cure. */
function networkFailure(cause: unknown, file: string, signal: AbortSignal): unknown {
  if (isDmxError(cause) || cause instanceof TypeError || signal.aborted) return cause;
  return cliError('DMX_NETWORK_FILE', { file, reason: reasonOf(cause) }, { cause });
}

/** A scan ready for the network. Its voxels as they were read are not kept: of a large scan they take as much as the sums. */
interface PreparedScan extends Pick<Scan, 'write'> {
  readonly prepared: PreparedCase;
  readonly plan: Reorientation | null;
  readonly notes: readonly string[];
}

async function prepareScan(
  request: PredictRequest,
  facts: NetworkFacts,
  options: PredictOptions,
): Promise<PreparedScan> {
  const { volume, inspection, write, notes: read } = await request.readScan(request.pair, request);
  const turn = turnFor(facts, volume);
  const { plan } = turn;
  try {
    const image = plan === null ? volume : reorient(volume, plan);
    const notes = [...read, ...turn.notes, ...findingsOf(request.pair.input.path, inspection, image, facts)];
    for (const note of notes) request.onNote(note);
    return { prepared: prepareImage(image, options), plan, write, notes };
  } catch (cause) {
    throw memoryFailure(cause, request, volume, facts);
  }
}

/**
 * Predicts one image: prepares it as in training, slides the network over it, brings the labels back to the image's own
 * grid and axes and writes them with their names.
 * @throws VolumeError, or an error of `@dinomix/dataset-itk`, for files that cannot be read or written; Error for
 *   intensities that are not finite, DMX_NETWORK_OUTPUT where those that the network gives are not, DMX_PREDICT_MEMORY.
 */
export async function predictFile(opened: OpenedNetwork, request: PredictRequest): Promise<Prediction> {
  const { facts } = opened;
  const { pair, inference, signal, onWindows } = request;
  const started = performance.now();
  const options: PredictOptions = {
    ...inference,
    batch: opened.batch ?? inference.batch,
    patch: facts.patch,
    classCount: facts.classes.length,
    padValue: facts.padValue,
    preprocessing: facts.preprocessing,
    network: opened.network,
    signal,
    onWindows,
  };
  const { prepared, plan, write, notes } = await prepareScan(request, facts, options);
  assertRoom(request, prepared, options);
  const predicted = await predictPrepared(prepared, options).catch((cause: unknown) => {
    throw networkFailure(memoryFailure(cause, request, prepared.source, facts), opened.file, signal);
  });
  const labels = plan === null ? predicted : undoReorientation(predicted, plan);
  await write(labels, { classes: facts.classes, algorithm: `DinoMix ${facts.title}`, mark: request.mark, signal });
  const seconds = Number(((performance.now() - started) / 1000).toFixed(3));
  const { shape } = labels;
  return { input: pair.input.path, output: pair.output, shape, notes, seconds, classes: measure(labels, facts) };
}
