import { z } from 'zod';
import { teacherError } from '../errors.js';
import type { HubClient } from './http.js';
import { type Licence, statedLicence } from './known.js';

/** Digest by which a file is known before it is downloaded. */
export interface Digest {
  /** `blob` is git's: sha1 over `blob <length>\0` and the content. */
  readonly kind: 'sha256' | 'blob';
  /** Hexadecimal. */
  readonly value: string;
}

/** A file of a repository. */
export interface HubFile {
  readonly path: string;
  readonly size: number;
  readonly digest: Digest;
}

/** A repository at one commit. */
export interface HubRepository {
  readonly id: string;
  /** The commit, 40 hexadecimal digits. */
  readonly revision: string;
  readonly gated: boolean;
  readonly licence: Licence;
}

/** Pages of a listing; the hub puts up to 1000 files on one. */
const MOST_PAGES = 10;
const NEXT_PAGE = /<([^>]+)>\s*;\s*rel="?next"?/;

const modelSchema = z.object({
  id: z.string().optional(),
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  gated: z.union([z.boolean(), z.string()]).default(false),
  cardData: z
    .object({
      license: z.union([z.string(), z.array(z.string())]).nullish(),
      license_name: z.string().nullish(),
      license_link: z.string().nullish(),
    })
    .nullish(),
  tags: z.array(z.string()).default([]),
});

const treeSchema = z.array(
  z.object({
    type: z.string(),
    path: z.string(),
    size: z.int().min(0).default(0),
    oid: z.string().default(''),
    lfs: z.object({ oid: z.string(), size: z.int().min(0) }).nullish(),
  }),
);

function malformed({ hub }: HubClient, path: string, found: string): Error {
  return teacherError('DMX_FETCH_ANSWER', {
    summary: `${hub.host} does not answer as a hub does`,
    why: `${path}: ${found}.`,
    fix: 'Check the address of the mirror.',
  });
}

function read<T>(schema: z.ZodType<T>, value: unknown, path: string, client: HubClient): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const list = parsed.error.issues.slice(0, 4).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw malformed(client, path, list.join('; '));
}

const text = (value: string | null | undefined): string | null => {
  // Nothing that a terminal would take for a command.
  const shown = (value ?? '').replaceAll(/[^\x20-\x7e]/g, '').slice(0, 200);
  return shown === '' ? null : shown;
};

function licenceOf(model: z.output<typeof modelSchema>, page: string): Licence {
  const { license, license_name: own, license_link: link } = model.cardData ?? {};
  const stated = Array.isArray(license) ? license.join(', ') : license;
  const tag = model.tags.find((one) => one.startsWith('license:'))?.slice('license:'.length);
  const name = stated === 'other' || stated === undefined || stated === null ? (own ?? stated ?? tag) : stated;
  return statedLicence(text(name), text(link), page);
}

const encoded = (path: string): string => path.split('/').map(encodeURIComponent).join('/');

/** Asks a hub for a repository and fixes its revision to a commit. @throws DmxError `DMX_FETCH_*`. */
export async function readRepository(client: HubClient, id: string, revision: string): Promise<HubRepository> {
  const path = `/api/models/${encoded(id)}/revision/${encodeURIComponent(revision)}`;
  const model = read(modelSchema, (await client.json(path)).value, path, client);
  const gated = model.gated !== false;
  return { id, revision: model.sha, gated, licence: licenceOf(model, `${client.hub.origin}/${id}`) };
}

function digestOf(entry: z.output<typeof treeSchema>[number]): Digest | null {
  const large = entry.lfs?.oid.replace(/^sha256:/, '').toLowerCase();
  if (large !== undefined) return /^[0-9a-f]{64}$/.test(large) ? { kind: 'sha256', value: large } : null;
  return /^[0-9a-f]{40}$/.test(entry.oid) ? { kind: 'blob', value: entry.oid } : null;
}

/** Lists the files of a repository at a commit; those without a digest are left out. @throws DmxError `DMX_FETCH_*`. */
export async function listFiles(client: HubClient, { id, revision }: HubRepository): Promise<readonly HubFile[]> {
  const files: HubFile[] = [];
  let path: string | null = `/api/models/${encoded(id)}/tree/${revision}?recursive=true`;
  for (let page = 0; path !== null; page++) {
    if (page === MOST_PAGES) throw malformed(client, path, `the listing has more than ${MOST_PAGES} pages`);
    const { value, link }: { value: unknown; link: string | null } = await client.json(path);
    for (const entry of read(treeSchema, value, path, client)) {
      const digest = digestOf(entry);
      if (entry.type !== 'file' || digest === null) continue;
      files.push({ path: entry.path, size: entry.lfs?.size ?? entry.size, digest });
    }
    path = nextPage(link, path);
  }
  return files;
}

/** The next page by the `Link` header (RFC 8288). Its query alone is taken: a mirror may pass on the address of the hub. */
function nextPage(link: string | null, path: string): string | null {
  const query = link === null ? undefined : NEXT_PAGE.exec(link)?.[1]?.split('?')[1];
  return query === undefined ? null : `${path.split('?')[0]}?${query}`;
}

/** Where a file of a repository is, from the root of the hub. */
export function filePath({ id, revision }: HubRepository, file: string): string {
  return `/${encoded(id)}/resolve/${revision}/${encoded(file)}`;
}
