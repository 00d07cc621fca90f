import { mkdtemp, rm, stat } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach } from 'vitest';
import { type FetchOffer, type FetchRequest, fetchWeights } from '../src/fetch/fetch.js';
import { type FakeRepository, type Handler, honest, type Server, startServer } from './hub.js';

/** A folder that goes when the tests end. */
export const root = await mkdtemp(join(tmpdir(), 'dinomix-fetch-'));
afterAll(() => rm(root, { recursive: true, force: true }));

/** Servers that are closed after each test. */
export const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** Not a multiple of any buffer, and no byte repeats where the next piece begins. */
export const WEIGHTS = Buffer.from(Uint8Array.from({ length: 300_007 }, (_, i) => (i * 31 + (i >> 8)) & 255));
export const CONFIG = Buffer.from('{"model_type":"dinov3_vit"}');
export const REVISION = 'a'.repeat(40);
export const REPOSITORY: FakeRepository = {
  id: 'someone/dino',
  revision: REVISION,
  files: {
    'README.md': Buffer.from('# dino'),
    'LICENSE.md': Buffer.from('do what you like'),
    'config.json': CONFIG,
    'model.safetensors': WEIGHTS,
    'pytorch_model.bin': Buffer.from('a program'),
  },
  large: ['model.safetensors', 'pytorch_model.bin'],
};
/** Where the weights are on the hub. */
export const MODEL = `/someone/dino/resolve/${REVISION}/model.safetensors`;

/** A hub, an empty folder, and requests to download into it. */
export interface Tried {
  readonly folder: string;
  readonly server: Server;
  readonly offers: readonly FetchOffer[];
  again(more?: Partial<FetchRequest>): ReturnType<typeof fetchWeights>;
}

/** Where the test that runs writes the weights. */
let part = '';

/** Sends bytes, and breaks the connection when `there` are written: what is under way at a break may be lost or not. */
export function sendAndBreak(response: ServerResponse, bytes: Uint8Array, there = bytes.length): void {
  const breakOff = async (): Promise<void> => {
    while (((await stat(part).catch(() => null))?.size ?? 0) < there) await pause(5);
    response.destroy();
  };
  response.write(bytes, () => void breakOff());
}

/** A hub that answers with the given handlers first, and a request to it. */
export async function against(handlers: readonly Handler[], more: Partial<FetchRequest> = {}): Promise<Tried> {
  const server = await startServer(...handlers, honest(REPOSITORY));
  servers.push(server);
  const folder = await mkdtemp(join(root, 'model-'));
  part = join(folder, 'model.safetensors.partial');
  const offers: FetchOffer[] = [];
  const accept = (offer: FetchOffer): boolean => offers.push(offer) > 0;
  const patience = { idle: 400, pause: 5, longestPause: 2000 };
  const given = { id: REPOSITORY.id, folder, hub: server.url, accept, patience, ...more };
  return { folder, server, offers, again: (later = {}) => fetchWeights({ ...given, ...later }) };
}

/** Answers requests for the weights by their number; those behind the last are answered honestly. */
export function weightsBy(...answers: readonly Handler[]): Handler {
  let count = 0;
  return (request, response, path) => (path === MODEL ? (answers[count++]?.(request, response, path) ?? false) : false);
}

/** The error with which a download fails. */
export const failureOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('it was downloaded'),
    (error: Error) => error,
  );

/** Ranges that were asked for of the weights. */
export const askedFor = ({ server }: Tried): readonly (string | undefined)[] =>
  server.seen.filter(({ path }) => path === MODEL).map(({ range }) => range);

/** Sends the first bytes and breaks the connection. */
export const brokenAfter =
  (bytes: number, from = 0): Handler =>
  (_, response) => {
    if (from === 0) response.writeHead(200, { etag: '"1"', 'content-length': WEIGHTS.length });
    else {
      const range = `bytes ${from}-${WEIGHTS.length - 1}/${WEIGHTS.length}`;
      response.writeHead(206, { etag: '"1"', 'content-range': range, 'content-length': WEIGHTS.length - from });
    }
    sendAndBreak(response, WEIGHTS.subarray(from, from + bytes), from + bytes);
    return true;
  };
