import { setTimeout as pause } from 'node:timers/promises';
import { reasonOf } from '@dinomix/core';
import { teacherError } from '../errors.js';
import { redirectAddress } from './url.js';

/** How long is waited, and how often it is tried again. */
export interface Patience {
  /** Milliseconds without a byte after which a connection is given up. */
  readonly idle: number;
  /** Milliseconds before the second try; doubled for each one after it. */
  readonly pause: number;
  /** Tries of one request. */
  readonly tries: number;
  /** Milliseconds that a server may ask to wait. */
  readonly longestPause: number;
}

/** What is waited for a server across the world. */
export const PATIENCE: Patience = { idle: 30_000, pause: 1000, tries: 5, longestPause: 120_000 };

const LARGEST_JSON = 8_000_000;
const REDIRECTS = 5;

/** An answer; its body is read by {@link Answer.pieces}, once. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Pieces of the body; throws {@link Interrupted} where it ends with an error or stops to come. */
  pieces(): AsyncGenerator<Uint8Array>;
  /** Closes the connection. */
  drop(): void;
}

/** A connection that broke: worth another try. */
export class Interrupted extends Error {}

/** Why a status is no answer, and what can be done. */
function statusText(status: number, hub: URL, code: string | null): { why: string; fix: string } {
  const why = `${hub.host} answered ${status}${code === null ? '' : ` (${code})`}.`;
  if (status === 401 || status === 403) {
    const fix =
      'A gated repository wants two things: that you ask for access on its page and it is granted, and a token of yours (read) ' +
      'in the environment variable HF_TOKEN. A copy without a gate, or one of another licence, is in the README.';
    return { why, fix };
  }
  if (status === 404) return { why, fix: 'Check owner/name and --revision; a private repository needs HF_TOKEN.' };
  return { why, fix: 'Try again later, or name a mirror with --mirror; what was downloaded so far is kept.' };
}

/** Gets things from a hub: follows redirects, sends the token to the hub alone, tries again what may pass. */
export class HubClient {
  readonly hub: URL;
  readonly patience: Patience;
  readonly #token: string | null;
  readonly #signal: AbortSignal;

  constructor(hub: URL, token: string | null, patience: Patience, signal: AbortSignal) {
    this.hub = hub;
    this.patience = patience;
    this.#token = token;
    this.#signal = signal;
  }

  /** JSON of an address of the hub, and its `Link` header. @throws DmxError `DMX_FETCH_*`. */
  async json(path: string): Promise<{ readonly value: unknown; readonly link: string | null }> {
    return this.retrying(path, async () => {
      const answer = await this.open(path, { accept: 'application/json' });
      const pieces: Uint8Array[] = [];
      let length = 0;
      for await (const piece of answer.pieces()) {
        length += piece.byteLength;
        if (length > LARGEST_JSON) {
          answer.drop();
          throw this.#malformed(path, `more than ${LARGEST_JSON} bytes`);
        }
        pieces.push(piece);
      }
      const text = Buffer.concat(pieces).toString('utf8');
      try {
        return { value: JSON.parse(text) as unknown, link: answer.headers.get('link') };
      } catch (cause) {
        throw this.#malformed(path, `no JSON but "${text.slice(0, 60).replaceAll(/[^\x21-\x7e]+/g, ' ')}"`, cause);
      }
    });
  }

  /** Opens an address of the hub. @throws Interrupted, or a DmxError `DMX_FETCH_*` for a status that will not change. */
  async open(path: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
    let url = new URL(`${this.hub.href.replace(/\/+$/, '')}${path}`);
    for (let hop = 0; hop <= REDIRECTS; hop++) {
      const answer = await this.#get(url, headers);
      const location = answer.headers.get('location');
      if (answer.status < 300 || answer.status >= 400 || location === null) {
        await this.#check(answer, path);
        return answer;
      }
      answer.drop();
      url = redirectAddress(location, url, this.hub);
    }
    throw this.#malformed(path, `more than ${REDIRECTS} redirects`);
  }

  /** Tries something again as long as it is {@link Interrupted}. */
  async retrying<T>(what: string, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        await this.afterFailure(what, error, attempt);
      }
    }
  }

  /** Waits before the next try. @throws what cannot be tried again, `DMX_FETCH_NETWORK` when there were enough tries. */
  async afterFailure(what: string, error: unknown, attempt: number): Promise<void> {
    this.#signal.throwIfAborted();
    if (!(error instanceof Interrupted)) throw error;
    const { tries, pause: first, longestPause } = this.patience;
    const asked = error.cause instanceof Wait ? error.cause.milliseconds : null;
    if (attempt >= tries || (asked ?? 0) > longestPause) {
      throw teacherError('DMX_FETCH_NETWORK', {
        summary: `${what} could not be downloaded from ${this.hub.host}`,
        why: `${error.message}, after ${attempt} tries${asked === null ? '' : `; it asks to wait ${Math.ceil(asked / 1000)} s`}.`,
        fix: 'Check the connection and give the same command again: it goes on where it ended. --mirror names another server.',
        cause: error,
      });
    }
    await pause(asked ?? Math.min(first * 2 ** (attempt - 1), longestPause), undefined, { signal: this.#signal });
  }

  async #get(url: URL, headers: Readonly<Record<string, string>>): Promise<Answer> {
    const own = new AbortController();
    const watch = new Watch(this.patience.idle, own);
    const stop = (): void => own.abort(this.#signal.reason);
    this.#signal.throwIfAborted();
    this.#signal.addEventListener('abort', stop, { once: true });
    const finish = (): void => {
      watch.end();
      this.#signal.removeEventListener('abort', stop);
    };
    // A token belongs to the hub, not to the store that it redirects to.
    const authorization =
      this.#token !== null && url.origin === this.hub.origin ? { authorization: `Bearer ${this.#token}` } : {};
    try {
      const response = await fetch(url, {
        redirect: 'manual',
        signal: own.signal,
        headers: { 'user-agent': 'dinomix', 'accept-encoding': 'identity', ...headers, ...authorization },
      });
      watch.touch();
      const body = response.body;
      const drop = (): void => {
        finish();
        own.abort();
      };
      const broken = (error: unknown): unknown => this.#broken(url, error, watch);
      async function* pieces(): AsyncGenerator<Uint8Array> {
        try {
          for await (const piece of body ?? []) {
            watch.touch();
            yield piece;
          }
        } catch (error) {
          throw broken(error);
        } finally {
          drop();
        }
      }
      return { status: response.status, headers: response.headers, pieces, drop };
    } catch (error) {
      finish();
      throw this.#broken(url, error, watch);
    }
  }

  #broken(url: URL, error: unknown, watch: Watch): unknown {
    if (this.#signal.aborted) return this.#signal.reason;
    if (watch.ran) return new Interrupted(`${url.host} sent nothing for ${watch.milliseconds / 1000} s`);
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return new Interrupted(`The connection to ${url.host} broke (${reasonOf(cause)})`);
  }

  async #check(answer: Answer, path: string): Promise<void> {
    const { status, headers } = answer;
    // 416 tells that there is nothing behind the bytes that are there already.
    if (status === 200 || status === 206 || status === 416) return;
    answer.drop();
    if (status === 429 || status >= 500) {
      throw new Interrupted(`${this.hub.host} answered ${status}`, { cause: Wait.read(headers.get('retry-after')) });
    }
    const code =
      status === 401 || status === 403
        ? 'DMX_FETCH_ACCESS'
        : status === 404
          ? 'DMX_FETCH_NOT_FOUND'
          : 'DMX_FETCH_ANSWER';
    const summary = `${path} is not given`;
    throw teacherError(code, { summary, ...statusText(status, this.hub, headers.get('x-error-code')) });
  }

  #malformed(path: string, found: string, cause?: unknown): Error {
    return teacherError('DMX_FETCH_ANSWER', {
      summary: `${this.hub.host} does not answer as a hub does`,
      why: `${path} gave ${found}.`,
      fix: 'Check the address of the mirror; a login page or a proxy may stand between.',
      cause,
    });
  }
}

/** Ends a request on which nothing happens. */
class Watch {
  readonly milliseconds: number;
  ran = false;
  #timer: NodeJS.Timeout;

  constructor(milliseconds: number, controller: AbortController) {
    this.milliseconds = milliseconds;
    this.#timer = setTimeout(() => {
      this.ran = true;
      controller.abort();
    }, milliseconds);
  }

  touch(): void {
    this.#timer.refresh();
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

/** How long a server asks to wait. */
class Wait {
  readonly milliseconds: number;

  constructor(milliseconds: number) {
    this.milliseconds = milliseconds;
  }

  /** Reads `Retry-After`: seconds or a date (RFC 9110, 10.2.3). */
  static read(value: string | null): Wait | undefined {
    if (value === null) return undefined;
    const milliseconds = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
    return Number.isFinite(milliseconds) ? new Wait(Math.max(0, milliseconds)) : undefined;
  }
}
