import { basename, resolve } from 'node:path';
import type { CaseData, CaseRole, Dataset, Index3, Normalisation, Preprocessing } from '@dinomix/core';
import { isDmxError } from '@dinomix/core';
import type { PreparedCase } from '@dinomix/data/prepare';
import {
  applyAffine,
  invertAffine,
  type NiftiGeometry,
  orientationOf,
  readNifti,
  type VoxelArray,
} from '@dinomix/volume';
import type { CommandContext, ConfigOptions } from '../command.js';
import { type OpenedConfig, openConfig } from '../config.js';
import { usageError } from '../errors.js';

/** A volume as the teacher sees it, with the options of the teacher. */
export interface VolumeToShow {
  readonly title: string;
  /** Intensities `[d, h, w]`, normalised. */
  readonly image: Float32Array;
  readonly shape: Index3;
  /** mm along z, y, x. */
  readonly spacing: Index3;
  readonly isRas: boolean;
  readonly normalisation: Normalisation;
  /** Options of the teacher in the config; none without a config. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The voxel of {@link image} over a voxel `[z, y, x]` of the file. */
  toGrid(voxel: Index3): Index3;
}

interface VolumeOptions extends ConfigOptions {
  readonly case?: string;
  readonly geometry?: NiftiGeometry;
}

const PLUGIN = '@dinomix/teacher-dinov3';
/** Sampled voxels whose percentiles become black and white where nothing says what they are. */
const SAMPLES = 200_000;

/** Turned to RAS+ and otherwise as it is; black and white are the 0.5th and 99.5th percentile. */
function plainPreprocessing(data: VoxelArray): Preprocessing {
  const step = Math.max(1, Math.floor(data.length / SAMPLES));
  const values = Float64Array.from({ length: Math.ceil(data.length / step) }, (_, i) => data[i * step]!).sort();
  const at = (share: number): number => values[Math.round(share * (values.length - 1))] ?? 0;
  const [black, white] = [at(0.005), at(0.995)];
  const display = [black, white > black ? white : black + 1] as const;
  return { orientation: 'RAS', grid: { kind: 'keep' }, normalisation: { steps: [], display } };
}

/** The config of the command, or the one in this folder; null where there is none and none is needed. */
async function openIfThere(context: CommandContext, options: VolumeOptions): Promise<OpenedConfig | null> {
  const needed = options.config !== undefined || options.overrides.length > 0 || options.case !== undefined;
  return openConfig(context, options).catch((failure: unknown) => {
    if (!needed && isDmxError(failure) && failure.code === 'DMX_CONFIG_NOT_FOUND') return null;
    throw failure;
  });
}

function roleOf({ splits, title }: Dataset, caseId: string): CaseRole {
  const roles = (Object.keys(splits) as CaseRole[]).filter((role) => splits[role].includes(caseId));
  if (roles[0] !== undefined) return roles[0];
  const known = Object.values(splits).flat();
  throw usageError('DMX_CLI_VALUE', {
    option: '--case',
    found: caseId,
    expected: `a case of ${title}: ${known.slice(0, 12).join(', ')}${known.length > 12 ? ', ...' : ''}`,
  });
}

async function readFileCase(file: string, geometry: NiftiGeometry | undefined): Promise<CaseData> {
  const { volume: image } = await readNifti(file, geometry === undefined ? {} : { geometry });
  const id = basename(file).replace(/\.nii(\.gz)?$/i, '');
  return { id, role: 'test', files: { image: file, label: null }, image, label: null };
}

/** Way of a voxel of the file to the grid of the network, through the world. */
function gridMap({ source, affine }: PreparedCase): (voxel: Index3) => Index3 {
  const back = invertAffine(affine);
  return ([z, y, x]) => {
    const [i, j, k] = applyAffine(back, applyAffine(source.affine, [x, y, z]));
    return [Math.round(k), Math.round(j), Math.round(i)];
  };
}

async function prepared(data: CaseData, preprocessing: Preprocessing): Promise<PreparedCase> {
  // Loads the tensor library.
  const { prepareCase } = await import('@dinomix/data/prepare');
  return prepareCase({ ...data, label: null }, preprocessing, 1);
}

/**
 * Reads a file, or a case of the config's data set, and prepares it as that data set does; without a config it is turned to
 * RAS+ alone.
 * @throws DMX_CLI_OPTIONS unless exactly one of file and case is named; errors of the config and of the file.
 */
export async function volumeToShow(
  context: CommandContext,
  file: string | undefined,
  options: VolumeOptions,
): Promise<VolumeToShow> {
  if ((file === undefined) === (options.case === undefined)) {
    const problem = file === undefined ? 'No volume was named.' : 'Both a file and --case were given.';
    throw usageError('DMX_CLI_OPTIONS', { problem, fix: 'Give a .nii.gz file, or --case with the id of a case.' });
  }
  const opened = await openIfThere(context, options);
  try {
    const dataset = opened === null ? null : await datasetOf(opened, context);
    const data =
      file === undefined
        ? await dataset!.readCase(options.case!, roleOf(dataset!, options.case!))
        : await readFileCase(resolve(context.folder, file), options.geometry);
    const preprocessing = dataset?.preprocessing ?? plainPreprocessing(data.image.data);
    const volume = await prepared(data, preprocessing);
    const { image, shape, spacing, affine } = volume;
    return {
      title: data.id,
      image,
      shape,
      spacing,
      isRas: orientationOf(affine) === 'RAS',
      normalisation: preprocessing.normalisation,
      options: opened?.host.config.plugins.find(({ name }) => name === PLUGIN)?.options ?? {},
      toGrid: gridMap(volume),
    };
  } finally {
    await opened?.host.dispose();
  }
}

async function datasetOf({ host }: OpenedConfig, context: CommandContext): Promise<Dataset> {
  const run = host.createRun({ id: 'teacher-show', directory: context.folder });
  const [dataset] = await run.resolve('dataset');
  return dataset!.value;
}
