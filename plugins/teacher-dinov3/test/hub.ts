import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as a server saw it. */
export interface Seen {
  readonly path: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly authorization: string | undefined;
}

/** Answers a request; true where it did. */
export type Handler = (request: IncomingMessage, response: ServerResponse, path: string) => boolean | Promise<boolean>;

/** A server on this machine. */
export interface Server {
  readonly url: string;
  readonly seen: Seen[];
  close(): Promise<void>;
}

/** Starts a server; what no handler answers is 404. */
export async function startServer(...handlers: readonly Handler[]): Promise<Server> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(request.url ?? '/');
    const { range, 'if-range': ifRange, authorization } = request.headers;
    seen.push({ path, range, ifRange: ifRange as string | undefined, authorization });
    for (const handler of handlers) if (await handler(request, response, path)) return;
    response.writeHead(404, { 'x-error-code': 'EntryNotFound' }).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/** A repository as the hub shows it. */
export interface FakeRepository {
  readonly id: string;
  readonly revision: string;
  /** Content by name; those in `large` are listed with sha256, as LFS does. */
  readonly files: Readonly<Record<string, Buffer>>;
  readonly large: readonly string[];
  readonly gated?: boolean;
  readonly card?: Readonly<Record<string, unknown>>;
  readonly tags?: readonly string[];
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
/** As `git hash-object`. */
export const blob = (bytes: Uint8Array): string =>
  createHash('sha1').update(`blob ${bytes.byteLength}\0`).update(bytes).digest('hex');

/** An entry of `/api/models/<id>/tree/<revision>`. */
export function treeEntry(path: string, bytes: Buffer, large: boolean): Readonly<Record<string, unknown>> {
  // The entry of a large file is that of its pointer.
  if (!large) return { type: 'file', path, size: bytes.length, oid: blob(bytes) };
  const lfs = { oid: sha256(bytes), size: bytes.length, pointerSize: 135 };
  return { type: 'file', path, size: bytes.length, oid: 'f'.repeat(40), lfs };
}

/** Gives a content whole or from where a request asks. */
export function sendBytes(request: IncomingMessage, response: ServerResponse, bytes: Buffer, etag: string): void {
  const from = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
  const same = request.headers['if-range'] === undefined || request.headers['if-range'] === etag;
  if (from === undefined || !same) {
    response.writeHead(200, { etag, 'content-length': bytes.length }).end(bytes);
    return;
  }
  const rest = bytes.subarray(Number(from));
  const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
  response.writeHead(206, { etag, 'content-range': range, 'content-length': rest.length }).end(rest);
}

/** What a hub answers that does as it should. */
export function honest(repository: FakeRepository): Handler {
  const { id, revision, files, large, gated = false, card = { license: 'apache-2.0' }, tags = [] } = repository;
  const json = (response: ServerResponse, value: unknown): boolean => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    return true;
  };
  return (request, response, path) => {
    if (path.startsWith(`/api/models/${id}/revision/`)) {
      return json(response, { id, sha: revision, gated: gated ? 'manual' : false, cardData: card, tags });
    }
    if (path.startsWith(`/api/models/${id}/tree/${revision}`)) {
      const entries = Object.entries(files).map(([name, bytes]) => treeEntry(name, bytes, large.includes(name)));
      return json(response, [{ type: 'directory', path: 'onnx', size: 0, oid: 'e'.repeat(40) }, ...entries]);
    }
    const name = path.slice(`/${id}/resolve/${revision}/`.length);
    const bytes = path.startsWith(`/${id}/resolve/${revision}/`) ? files[name] : undefined;
    if (bytes === undefined) return false;
    sendBytes(request, response, bytes, `"${sha256(bytes)}"`);
    return true;
  };
}
