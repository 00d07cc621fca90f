import { relative, resolve } from 'node:path';
import { byteSize, shellWord } from '@dinomix/core';
import { type Command, InvalidArgumentError } from 'commander';
import { type CommandContext, type CommonOptions, choice, createCommand, tell } from '../../command.js';
import { createStatusLine } from '../../terminal.js';
import { columns, duration } from '../../text.js';
import { DINOV3 } from './package.js';

interface FetchOptions extends CommonOptions {
  readonly out?: string;
  readonly acceptLicence?: string;
  readonly revision: string;
  readonly mirror?: string;
  readonly files?: readonly string[];
  readonly precision: 'float32' | 'float16';
  readonly sha256: Readonly<Record<string, string>>;
  readonly offline?: boolean;
  readonly limitGb: number;
  readonly force?: boolean;
}

interface Offer {
  readonly id: string;
  readonly revision: string;
  readonly hub: string;
  readonly gated: boolean;
  readonly licence: { readonly name: string; readonly url: string | null; readonly summary: readonly string[] };
  readonly files: readonly { readonly path: string; readonly size: number; readonly here: boolean }[];
  readonly bytes: number;
  readonly free: number;
}

interface Progress {
  readonly file: string;
  readonly done: number;
  readonly total: number;
}

interface Fetched {
  readonly folder: string;
  readonly revision: string;
  readonly kind: 'safetensors' | 'onnx' | 'other';
  readonly files: readonly { readonly path: string; readonly size: number }[];
  readonly licence: { readonly name: string };
  readonly downloaded: number;
  readonly options: string | null;
}

/** The function that `@dinomix/teacher-dinov3` exports. */
type FetchWeights = (request: {
  readonly id: string;
  readonly folder: string;
  readonly revision: string;
  readonly hub?: string;
  readonly token?: string;
  readonly files?: readonly string[];
  readonly precision: string;
  readonly sha256: Readonly<Record<string, string>>;
  readonly offline: boolean;
  readonly largest: number;
  readonly overwrite: boolean;
  readonly accept: (offer: Offer) => Promise<boolean>;
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}) => Promise<Fetched>;

const TRUE = /^(?:1|true|yes|on)$/i;

function readGigabytes(value: string): number {
  const limit = Number(value);
  if (value.trim() !== '' && limit > 0 && Number.isFinite(limit)) return limit;
  throw new InvalidArgumentError('Expected gigabytes above 0.');
}

function readDigest(value: string, before: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const [, name, digest] = /^(.+)=([0-9a-f]{64})$/i.exec(value) ?? [];
  if (name === undefined || digest === undefined)
    throw new InvalidArgumentError('Expected name=64 hexadecimal digits.');
  return { ...before, [name]: digest };
}

function offerText({ id, revision, hub, gated, licence, files, bytes, free }: Offer): string {
  const rows = files.map((file) => [file.path, byteSize(file.size), file.here ? 'here already' : '']);
  return [
    `${id} at ${revision.slice(0, 12)} on ${hub}${gated ? ', gated: its owner has to grant you access' : ''}`,
    columns(rows),
    `to download: ${byteSize(bytes)}; free: ${byteSize(free)}`,
    '',
    `licence: ${licence.name}${licence.url === null ? '' : `, ${licence.url}`}`,
    ...licence.summary.map((line) => `  ${line}`),
    '',
  ].join('\n');
}

/** Shows the licence and takes a yes to it: from the option that names it, or from a person. */
async function accept({ terminal, signal }: CommandContext, named: string | undefined, offer: Offer): Promise<boolean> {
  terminal.err(`${offerText(offer)}\n`);
  const { name } = offer.licence;
  if (named !== undefined) return named.toLowerCase() === name.toLowerCase();
  if (terminal.ask === undefined) return false;
  const answer = await terminal.ask(`Do you accept the licence "${name}"? Type yes: `, signal);
  return answer.trim().toLowerCase() === 'yes';
}

/** Draws bytes, rate and the time that is left. */
function progressLine(context: CommandContext): {
  readonly advance: (progress: Progress) => void;
  readonly clear: () => void;
} {
  const line = createStatusLine(context.terminal);
  let first: { readonly time: number; readonly done: number } | null = null;
  let drawn = Number.NEGATIVE_INFINITY;
  return {
    clear: line.clear,
    advance: ({ file, done, total }) => {
      const time = performance.now();
      first ??= { time, done };
      if (time - drawn < 100) return;
      drawn = time;
      const rate = ((done - first.done) / Math.max(1, time - first.time)) * 1000;
      const left = rate > 0 ? `${byteSize(rate)}/s  ${duration((total - done) / rate)} left` : '';
      line.draw(`${file}  ${byteSize(done)} of ${byteSize(total)}  ${left}`);
    },
  };
}

function nextStep({ folder, kind, options }: Fetched, from: string): string {
  const place = relative(from, folder) || '.';
  const more = options === null ? '' : `, ${options}`;
  if (kind === 'onnx') return `in the config: dinov3({ model: '${place}'${more} })`;
  if (kind === 'other') return `files are in ${place}`;
  const config = options === null ? '' : `\nin the config: dinov3({ model: '${place}.onnx'${more} })`;
  return `next: npx dinomix teacher convert ${shellWord(place)} -o ${shellWord(`${place}.onnx`)}${config}`;
}

async function fetchModel(context: CommandContext, id: string, options: FetchOptions): Promise<void> {
  const module = await context.packages.load(DINOV3, '"dinomix teacher fetch"');
  const { HF_TOKEN: token, HF_ENDPOINT: endpoint, HF_HUB_OFFLINE: offline = '' } = process.env;
  const { out, acceptLicence, revision, files, precision, sha256, limitGb } = options;
  const hub = options.mirror ?? endpoint;
  const progress = progressLine(context);
  const fetched = await (module.fetchWeights as FetchWeights)({
    id,
    folder: resolve(context.folder, out ?? `models/${id.split('/').at(-1)}`),
    revision,
    ...(hub === undefined || hub === '' ? {} : { hub }),
    ...(token === undefined || token === '' ? {} : { token }),
    ...(files === undefined ? {} : { files }),
    precision,
    sha256,
    offline: options.offline === true || TRUE.test(offline),
    largest: limitGb * 1e9,
    overwrite: options.force === true,
    accept: (offer) => accept(context, acceptLicence, offer),
    onProgress: progress.advance,
    signal: context.signal,
  }).finally(progress.clear);
  tell(context, options, fetched, () => {
    const names = fetched.files.map(({ path }) => path).join(', ');
    const came = fetched.downloaded === 0 ? 'there already' : `${byteSize(fetched.downloaded)} downloaded`;
    return `${names}: ${came}, digests right\n${nextStep(fetched, context.folder)}`;
  });
}

/** `dinomix teacher fetch`. */
export function fetchCommand(context: CommandContext): Command {
  return createCommand('fetch', 'download weights from the Hugging Face hub, after a yes to their licence')
    .argument('<id>', 'owner/name of the repository, as onnx-community/dinov3-vits16-pretrain-lvd1689m-ONNX')
    .option('-o, --out <folder>', 'folder for the files (default: models/<name>)')
    .option('--accept-licence <name>', 'accept the licence of this name; without a terminal the only way')
    .option('--revision <name>', 'branch, tag or commit', 'main')
    .option('--mirror <url>', 'address of another hub (default: HF_ENDPOINT, or https://huggingface.co)')
    .option('--files <names>', 'files to take, with commas between', (value) =>
      value.split(',').map((name) => name.trim()),
    )
    .addOption(choice('--precision <type>', 'which ONNX export', ['float32', 'float16']).default('float32'))
    .option('--sha256 <name=hex>', 'digest that a file must have; may be given often', readDigest, {})
    .option('--offline', 'take what is in the folder and ask nobody (default: HF_HUB_OFFLINE)')
    .option('--limit-gb <number>', 'largest sum of the files', readGigabytes, 20)
    .option('--force', 'write over other files of the same names')
    .action((id: string, options: FetchOptions) => fetchModel(context, id, options));
}
