import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { byteSize, type RunPage, shellWord } from '@dinomix/core';
import { type NiftiGeometry, writeFileAtomic } from '@dinomix/volume';
import { type Command, InvalidArgumentError } from 'commander';
import { addConfig, type CommandContext, type ConfigOptions, choice, createCommand, tell } from '../../command.js';
import { usageError } from '../../errors.js';
import { type VolumeToShow, volumeToShow } from '../../teacher/volume-to-show.js';
import { counted } from '../../text.js';
import { DINOV3 } from './package.js';

const REPORTER = '@dinomix/reporter-html';

interface ShowOptions extends ConfigOptions {
  readonly case?: string;
  readonly model?: string;
  readonly output?: string;
  readonly voxel: readonly (readonly [number, number, number])[];
  readonly window?: readonly [number, number];
  readonly axis?: string;
  readonly foreground?: boolean;
  readonly geometry?: NiftiGeometry;
  readonly out?: string;
  readonly into?: string;
}

interface Shown {
  readonly provenance: string;
  readonly page: string;
  readonly pictures: readonly string[];
  readonly cells: readonly [number, number, number];
  readonly channels: number;
  readonly shares: readonly number[];
  readonly bytes: number;
}

/** The function that `@dinomix/teacher-dinov3` exports. */
type ShowTeacher = (
  request: Omit<VolumeToShow, 'options' | 'toGrid'> & {
    readonly options: Readonly<Record<string, unknown>>;
    readonly voxels: readonly { readonly name: string; readonly voxel: readonly [number, number, number] }[];
    readonly foreground: boolean;
    readonly folder: string;
    readonly signal: AbortSignal;
  },
) => Promise<Shown>;

function readVoxel(
  value: string,
  before: readonly (readonly [number, number, number])[],
): readonly (readonly [number, number, number])[] {
  const parts = value.split(',').map((part) => part.trim());
  if (parts.length === 3 && parts.every((part) => /^\d{1,6}$/.test(part))) {
    return [...before, parts.map(Number) as [number, number, number]];
  }
  throw new InvalidArgumentError('Expected three whole numbers z,y,x, counted from 0.');
}

function readWindow(value: string): readonly [number, number] {
  const [black, white, ...rest] = value.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (rest.length === 0 && black !== undefined && white !== undefined && black < white) return [black, white];
  throw new InvalidArgumentError('Expected two numbers black,white with black below white.');
}

/** Where the files go: a folder of their own, or one in the run. */
function folderOf(context: CommandContext, title: string, { out, into }: ShowOptions): string {
  const name = `teacher-${title.replaceAll(/[^\w.-]+/g, '-')}`;
  if (into === undefined) return resolve(context.folder, out ?? name);
  if (out !== undefined) {
    throw usageError('DMX_CLI_OPTIONS', {
      problem: 'Both --out and --into were given.',
      fix: 'Give one of them: --into puts the files into the folder of the run.',
    });
  }
  const run = resolve(context.folder, into);
  if (!existsSync(join(run, 'record.json')) && !existsSync(join(run, 'events.jsonl'))) {
    throw usageError('DMX_CLI_RUN_FOLDER', { directory: run, reason: 'it has neither record.json nor events.jsonl' });
  }
  return join(run, 'pages', name);
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Describes the page for the report of the run, and makes that again where it can be. */
async function addToReport(context: CommandContext, run: string, folder: string, title: string, shown: Shown) {
  const page: RunPage = {
    title: `What the teacher sees: ${title}`,
    note: `${shown.provenance}. First three principal components of its tokens: ${shown.shares.map(percent).join(', ')} of the variance${shown.pictures.length > 1 ? '; then the cosine with each named voxel' : ''}.`,
    file: 'tokens.html',
    pictures: shown.pictures.map((picture) => basename(picture)),
  };
  await writeFileAtomic(join(folder, 'page.json'), `${JSON.stringify(page, null, 2)}\n`);
  if (context.packages.find(REPORTER) === null || !existsSync(join(run, 'events.jsonl'))) return null;
  const module = await context.packages.load(REPORTER, '"dinomix teacher show --into"');
  const writeReport = module.writeReport as (request: {
    readonly runs: readonly string[];
  }) => Promise<{ file: string }>;
  return (await writeReport({ runs: [run] })).file;
}

async function show(context: CommandContext, file: string | undefined, options: ShowOptions): Promise<void> {
  const { voxel: voxels, model, output, window, axis, foreground = false, into } = options;
  const module = await context.packages.load(DINOV3, '"dinomix teacher show"');
  const { toGrid, options: configured, ...volume } = await volumeToShow(context, file, options);
  const folder = folderOf(context, volume.title, options);
  const shown = await (module.showTeacher as ShowTeacher)({
    ...volume,
    options: {
      ...configured,
      ...(model === undefined ? {} : { model: resolve(context.folder, model) }),
      ...(output === undefined ? {} : { output }),
      ...(window === undefined ? {} : { window }),
      ...(axis === undefined ? {} : { axis }),
    },
    voxels: voxels.map((voxel) => ({ name: voxel.join(','), voxel: toGrid(voxel) })),
    foreground,
    folder,
    signal: context.signal,
  });
  const run = into === undefined ? null : resolve(context.folder, into);
  const report = run === null ? null : await addToReport(context, run, folder, volume.title, shown);
  tell(context, options, { ...shown, report }, () => {
    const [layers, rows, columns] = shown.cells;
    const left = run !== null && report === null ? [`in the report after: npx dinomix report ${shellWord(into!)}`] : [];
    return [
      shown.provenance,
      `${counted(layers, 'layer')} of ${rows} x ${columns} tokens, ${shown.channels} channels; first components ${shown.shares.map(percent).join(', ')}`,
      ...shown.pictures,
      `${shown.page} (${byteSize(shown.bytes)})`,
      ...(report === null ? left : [report]),
    ].join('\n');
  });
}

/** `dinomix teacher show`. */
export function showCommand(context: CommandContext): Command {
  const text = 'draw what the teacher of a config makes of a volume: principal components of its tokens, and cosines';
  return addConfig(createCommand('show', text))
    .argument('[volume]', '.nii or .nii.gz file')
    .option('--case <id>', 'a case of the data set of the config instead')
    .option('--model <file>', 'ONNX file or its folder, instead of that of the config')
    .option('--output <name>', 'output or inner tensor of the model')
    .option('--voxel <z,y,x>', 'voxel of the file to compare all tokens with; may be given often', readVoxel, [])
    .option('--window <black,white>', 'intensities that are black and white, e.g. -160,240', readWindow)
    .addOption(choice('--axis <name>', 'across which axis the slices lie', ['axial', 'coronal', 'sagittal']))
    .option('--foreground', 'components of the tokens over something brighter than black alone')
    .addOption(choice('--geometry <matrix>', 'matrix to take where sform and qform disagree', ['sform', 'qform']))
    .option('-o, --out <folder>', 'folder for page and pictures (default: teacher-<name>)')
    .option('--into <run>', 'put them into the folder of a run, and into its report')
    .action((file: string | undefined, options: ShowOptions) => show(context, file, options));
}
