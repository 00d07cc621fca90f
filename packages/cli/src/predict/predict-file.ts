import { predictImage, type WindowWatch } from '@dinomix/trainer';
import { type NiftiGeometry, readNifti, type Volume, writeNifti } from '@dinomix/volume';
import { cliError } from '../errors.js';
import type { NetworkFacts } from './network-facts.js';
import type { OpenedNetwork } from './open-network.js';

/** How one file is predicted. */
export interface PredictRequest {
  readonly input: string;
  readonly output: string;
  readonly inference: NetworkFacts['inference'];
  /** The matrix to take where sform and qform disagree. */
  readonly geometry: NiftiGeometry | null;
  readonly signal: AbortSignal;
  readonly onWindows: NonNullable<WindowWatch['onWindows']>;
}

/** What came out for one file. */
export interface Prediction {
  readonly input: string;
  readonly output: string;
  readonly shape: readonly number[];
  readonly seconds: number;
  /** Voxels and millilitres of each class by name, background left out. */
  readonly classes: Readonly<Record<string, { readonly voxels: number; readonly millilitres: number }>>;
}

function asFloat32(volume: Volume): Volume<Float32Array> {
  const { data } = volume;
  return { ...volume, data: data instanceof Float32Array ? data : Float32Array.from(data) };
}

function measure(labels: Volume<Uint8Array>, facts: NetworkFacts): Prediction['classes'] {
  const counts = new Array<number>(facts.classes.length).fill(0);
  for (const label of labels.data) counts[label]!++;
  const millilitres = labels.spacing[0] * labels.spacing[1] * labels.spacing[2] * 1e-3;
  const rows = facts.classes.slice(1).map(({ index, name }) => {
    const voxels = counts[index]!;
    return [name, { voxels, millilitres: Number((voxels * millilitres).toFixed(3)) }] as const;
  });
  return Object.fromEntries(rows);
}

/** An array too large to allocate says nothing of the file that asked for it. */
function memoryFailure(cause: unknown, { input }: PredictRequest, { shape }: Volume, facts: NetworkFacts): unknown {
  if (!(cause instanceof RangeError)) return cause;
  const { grid } = facts.preprocessing;
  const classes = facts.classes.length;
  return cliError('DMX_PREDICT_MEMORY', { file: input, shape, classes, grid: JSON.stringify(grid) }, { cause });
}

/**
 * Predicts one NIfTI file: prepares it as in training, slides the network over it, brings the labels back to the file's
 * own grid and axes and writes them with their names.
 * @throws VolumeError for a file that cannot be read or written, Error for intensities that are not finite,
 *   DMX_NETWORK_OUTPUT where those that the network gives are not, DMX_PREDICT_MEMORY.
 */
export async function predictFile(opened: OpenedNetwork, request: PredictRequest): Promise<Prediction> {
  const { facts } = opened;
  const { input, output, inference, signal, onWindows, geometry } = request;
  const started = performance.now();
  const source = await readNifti(input, geometry === null ? {} : { geometry });
  const labels = await predictImage(asFloat32(source.volume), {
    ...inference,
    batch: opened.batch ?? inference.batch,
    patch: facts.patch,
    classCount: facts.classes.length,
    padValue: facts.padValue,
    preprocessing: facts.preprocessing,
    network: opened.network,
    signal,
    onWindows,
  }).catch((cause: unknown) => {
    throw memoryFailure(cause, request, source.volume, facts);
  });
  await writeNifti(output, labels, {
    labelNames: new Map(facts.classes.map(({ index, name }) => [index, name])),
    version: source.header.version,
    spaceCode: source.header.sformCode || source.header.qformCode || 1,
    description: 'DinoMix labels',
  });
  const seconds = Number(((performance.now() - started) / 1000).toFixed(3));
  return { input, output, shape: labels.shape, seconds, classes: measure(labels, facts) };
}
