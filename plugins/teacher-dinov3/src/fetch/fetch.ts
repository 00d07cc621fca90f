import { dirname, join, resolve } from 'node:path';
import { makeFolder, writeFileAtomic } from '@dinomix/volume';
import { teacherError } from '../errors.js';
import { freeBytes } from '../free-bytes.js';
import { type Choice, chooseFiles } from './choose.js';
import { downloadFile } from './download.js';
import { HubClient, PATIENCE, type Patience } from './http.js';
import { filePath, type HubFile, type HubRepository, listFiles, readRepository } from './hub.js';
import { knownRepository, type Licence } from './known.js';
import { changedFiles, type Receipt, readReceipt, writeReceipt } from './receipt.js';
import { hubAddress } from './url.js';
import { type Digests, lengthOf, verified } from './verify.js';

/** What would be downloaded; nothing is before it is accepted. */
export interface FetchOffer {
  readonly id: string;
  /** The commit to which the revision belongs now. */
  readonly revision: string;
  readonly hub: string;
  readonly gated: boolean;
  readonly licence: Licence;
  readonly files: readonly { readonly path: string; readonly size: number; readonly here: boolean }[];
  /** Bytes of the files that are not here yet. */
  readonly bytes: number;
  /** Bytes that the disk has left. */
  readonly free: number;
}

/** How far a download is. */
export interface FetchProgress {
  readonly file: string;
  /** Bytes of all files that came or were here. */
  readonly done: number;
  readonly total: number;
}

/** What to download, and how. */
export interface FetchRequest {
  /** `owner/name` of a repository of models. */
  readonly id: string;
  /** Folder for the files. */
  readonly folder: string;
  /** Branch, tag or commit. @defaultValue `main` */
  readonly revision?: string;
  /** Address of the hub or of a mirror. @defaultValue `https://huggingface.co` */
  readonly hub?: string;
  /** Read token; it is sent to the hub alone. */
  readonly token?: string;
  /** Names of files. @defaultValue those that the teacher needs */
  readonly files?: readonly string[];
  /** Which ONNX export. @defaultValue `float32` */
  readonly precision?: 'float32' | 'float16';
  /** sha256 that files must have, by name. */
  readonly sha256?: Readonly<Record<string, string>>;
  /** Takes what is in the folder and asks nobody. */
  readonly offline?: boolean;
  /** Largest sum of the files, bytes. @defaultValue 20e9 */
  readonly largest?: number;
  /** Whether files of the same names and other content are written over. */
  readonly overwrite?: boolean;
  /** Asked with the licence and the sizes before anything is downloaded; only `true` is a yes. */
  readonly accept: (offer: FetchOffer) => boolean | Promise<boolean>;
  readonly onProgress?: (progress: FetchProgress) => void;
  readonly patience?: Partial<Patience>;
  readonly signal?: AbortSignal;
}

/** What is in the folder now. */
export interface Fetched {
  readonly id: string;
  readonly folder: string;
  readonly revision: string;
  /** `safetensors` has to be converted; `onnx` is loaded as it is. */
  readonly kind: Receipt['kind'];
  readonly files: Receipt['files'];
  readonly licence: Receipt['licence'];
  /** Bytes that were downloaded. */
  readonly downloaded: number;
  /** Options of the teacher that these weights need beside `model`; null for none. */
  readonly options: string | null;
}

const HUB = 'https://huggingface.co';
const LARGEST = 20e9;
/** Room that stays free beside the files. */
const SPARE = 50e6;
const ID = /^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/;

/**
 * Downloads the weights of a repository after `accept` has said yes to its licence. Every file is verified by the digest
 * that the hub lists (and by `sha256`), a part that was broken off is gone on with, and a receipt with revision, digests and
 * licence is left beside the files.
 * @throws DmxError `DMX_FETCH_*` naming address, value and cure.
 */
export async function fetchWeights(request: FetchRequest): Promise<Fetched> {
  const { id, offline = false } = request;
  if (!ID.test(id) || id.includes('..')) {
    throw teacherError('DMX_FETCH_ID', {
      summary: `"${id}" names no repository`,
      why: 'A repository is named owner/name, as facebook/dinov3-vits16-pretrain-lvd1689m.',
      fix: 'Take the name from the address of its page. The README lists those that are known to fit.',
    });
  }
  return offline ? fromFolder(request) : fromHub(request);
}

function fetched({ id, folder }: FetchRequest, receipt: Receipt, downloaded: number): Fetched {
  const { revision, kind, files, licence } = receipt;
  const options = knownRepository(id)?.options ?? null;
  return { id: receipt.id, folder: resolve(folder), revision, kind, files, licence, downloaded, options };
}

async function fromFolder(request: FetchRequest): Promise<Fetched> {
  const { id, folder, revision = 'main', signal = new AbortController().signal } = request;
  const receipt = await readReceipt(folder);
  const other = receipt !== null && (receipt.id !== id || !['main', receipt.revision].includes(revision));
  const changed = receipt === null || other ? [] : await changedFiles(folder, receipt, signal);
  if (receipt !== null && !other && changed.length === 0) return fetched(request, receipt, 0);
  const why =
    receipt === null
      ? `${resolve(folder)} has no receipt of a download.`
      : other
        ? `${resolve(folder)} holds ${receipt.id} at ${receipt.revision}.`
        : `Missing or changed since: ${changed.join(', ')}.`;
  throw teacherError('DMX_FETCH_OFFLINE', {
    summary: `${id} is not here, and nothing is downloaded off line`,
    why,
    fix: 'Give the command once without --offline (and without HF_HUB_OFFLINE), or copy the folder from a machine that has it.',
  });
}

async function fromHub(request: FetchRequest): Promise<Fetched> {
  const { folder, signal = new AbortController().signal } = request;
  const hub = hubAddress(request.hub ?? HUB);
  const client = new HubClient(hub, tokenOf(request), { ...PATIENCE, ...request.patience }, signal);
  const repository = await readRepository(client, request.id, request.revision ?? 'main');
  const listed = await listFiles(client, repository);
  const wanted = { files: request.files ?? null, precision: request.precision ?? 'float32' };
  const chosen = chooseFiles(listed, repository.id, wanted);
  const choice = { ...chosen, files: pinned(chosen.files, request.sha256 ?? {}) };
  const here = await lookFor(request, choice.files, signal);
  const receipt = await readReceipt(folder);
  if (here.size === choice.files.length && receipt?.id === repository.id) return fetched(request, receipt, 0);
  const licence = licenceOf(repository);
  const offer = await offerOf(request, repository, licence, choice.files, here, hub);
  await checkRoom(request, offer);
  if ((await request.accept(offer)) !== true) throw declined(repository.id, licence);
  const acceptedAt = new Date().toISOString();
  const digests = await downloadAll(request, client, repository, choice.files, here, signal);
  await keepLicence(folder, choice, licence);
  const files = choice.files.map(({ path, size }) => ({
    path,
    size,
    sha256: digests.get(path)!.sha256,
    url: `${hub.href.replace(/\/+$/, '')}${filePath(repository, path)}`,
  }));
  const { id, revision } = repository;
  const written = {
    id,
    revision,
    kind: choice.kind,
    licence: { name: licence.name, url: licence.url, acceptedAt },
    files,
  };
  await writeReceipt(folder, written);
  return fetched(request, written, offer.bytes);
}

/** @throws DmxError `DMX_FETCH_TOKEN` for what cannot stand in a header; the message does not hold it. */
function tokenOf({ token }: FetchRequest): string | null {
  const trimmed = token?.trim() ?? '';
  if (trimmed === '') return null;
  if (/^[\x21-\x7e]+$/.test(trimmed)) return trimmed;
  throw teacherError('DMX_FETCH_TOKEN', {
    summary: 'The token cannot be sent',
    why: 'It holds blanks, line ends, or characters outside of ASCII.',
    fix: 'Set HF_TOKEN to the token alone, as the settings of your account show it.',
  });
}

/** The hub's word goes before ours where a repository has changed its licence. */
function licenceOf({ id, licence }: HubRepository): Licence {
  const known = knownRepository(id)?.licence;
  return known !== undefined && (licence.name === 'unstated' || licence.name === known.name) ? known : licence;
}

/** Takes the digests that were given over those of the hub. @throws DmxError where they contradict each other. */
function pinned(files: readonly HubFile[], sha256: Readonly<Record<string, string>>): readonly HubFile[] {
  const unknown = Object.keys(sha256).find((name) => files.every(({ path }) => path !== name));
  if (unknown !== undefined) {
    throw teacherError('DMX_FETCH_FILES', {
      summary: `A sha256 was given for "${unknown}", which is not downloaded`,
      why: `Downloaded are ${files.map(({ path }) => path).join(', ')}.`,
      fix: 'Name the file as it stands in the repository.',
    });
  }
  return files.map((file) => {
    const value = sha256[file.path]?.toLowerCase();
    if (value === undefined) return file;
    if (file.digest.kind === 'sha256' && file.digest.value !== value) {
      throw teacherError('DMX_FETCH_HASH', {
        summary: `${file.path} is not the file that you expect`,
        why: `The hub lists sha256 ${file.digest.value}, expected ${value}. Nothing was downloaded.`,
        fix: 'Check the digest and name the revision that it belongs to with --revision.',
      });
    }
    return { ...file, digest: { kind: 'sha256' as const, value } };
  });
}

/** Files that are in the folder already. @throws DmxError for one of the same name that is something else. */
async function lookFor(
  { folder, overwrite, id }: FetchRequest,
  files: readonly HubFile[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Digests>> {
  const here = new Map<string, Digests>();
  const ours = overwrite === true || (await readReceipt(folder))?.id === id;
  for (const file of files) {
    const path = join(folder, file.path);
    const digests = await verified(path, file, signal);
    if (digests !== null) here.set(file.path, digests);
    else if (!ours && (await lengthOf(path)) !== null) {
      throw teacherError('DMX_FETCH_EXISTS', {
        summary: `${path} exists already and is another file`,
        why: `It is not the ${file.path} of ${id}, and it is not written over.`,
        fix: 'Name another folder with --out, or ask for it to be replaced (--force).',
      });
    }
  }
  return here;
}

async function offerOf(
  { folder }: FetchRequest,
  { id, revision, gated }: HubRepository,
  licence: Licence,
  files: readonly HubFile[],
  here: ReadonlyMap<string, Digests>,
  hub: URL,
): Promise<FetchOffer> {
  const listed = files.map(({ path, size }) => ({ path, size, here: here.has(path) }));
  const bytes = listed.reduce((sum, file) => sum + (file.here ? 0 : file.size), 0);
  return { id, revision, hub: hub.host, gated, licence, files: listed, bytes, free: await freeBytes(folder) };
}

async function checkRoom(
  { largest = LARGEST, folder }: FetchRequest,
  { bytes, free, id, files }: FetchOffer,
): Promise<void> {
  const gigabytes = (count: number): string => `${(count / 1e9).toFixed(2)} GB`;
  if (bytes > largest) {
    throw teacherError('DMX_FETCH_SIZE', {
      summary: `${id} is larger than what may be downloaded`,
      why: `Its files have ${gigabytes(bytes)}, the limit is ${gigabytes(largest)}.`,
      fix: 'Raise the limit with --limit-gb, or take a smaller model.',
    });
  }
  const parts = await Promise.all(files.map(({ path }) => lengthOf(join(folder, `${path}.partial`))));
  const missing = bytes - parts.reduce<number>((sum, length) => sum + (length ?? 0), 0);
  if (missing + SPARE <= free) return;
  throw teacherError('DMX_FETCH_DISK', {
    summary: `There is no room for ${id} in ${resolve(folder)}`,
    why: `${gigabytes(missing)} are needed, ${gigabytes(free)} are free. Nothing was downloaded.`,
    fix: 'Make room, or name a folder on another disk with --out.',
  });
}

function declined(id: string, { name }: Licence): Error {
  return teacherError('DMX_FETCH_LICENCE', {
    summary: `Nothing was downloaded: the licence of ${id} was not accepted`,
    why: `The licence is "${name}".`,
    fix: `Read it; then answer "yes", or give --accept-licence ${name}.`,
  });
}

async function downloadAll(
  { folder, onProgress }: FetchRequest,
  client: HubClient,
  repository: HubRepository,
  files: readonly HubFile[],
  here: ReadonlyMap<string, Digests>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Digests>> {
  const digests = new Map(here);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let before = 0;
  for (const file of files) {
    const { path, size } = file;
    if (!digests.has(path)) {
      const target = join(folder, path);
      await makeFolder(dirname(target));
      const done = before;
      const onBytes = (bytes: number): void => onProgress?.({ file: path, done: done + bytes, total });
      const download = { address: filePath(repository, path), file, target, signal, onBytes };
      digests.set(path, await downloadFile(client, download));
    }
    before += size;
  }
  return digests;
}

/** Where the repository has no text of the licence, what was shown stands beside the weights. */
async function keepLicence(folder: string, { licence: text }: Choice, { name, url, summary }: Licence): Promise<void> {
  if (text !== null) return;
  await writeFileAtomic(
    join(folder, 'LICENCE.txt'),
    `${[name, ...(url === null ? [] : [url]), '', ...summary].join('\n')}\n`,
  );
}
