import { open, rename, rm } from 'node:fs/promises';
import { readRegularFile, writeFileAtomic } from '@dinomix/volume';
import { z } from 'zod';
import { teacherError } from '../errors.js';
import { type Answer, type HubClient, Interrupted } from './http.js';
import type { HubFile } from './hub.js';
import { type Digests, digestsOf, lengthOf } from './verify.js';

/** One file and where it goes. */
export interface Download {
  /** From the root of the hub. */
  readonly address: string;
  readonly file: HubFile;
  readonly target: string;
  readonly signal: AbortSignal;
  /** Told the bytes that are there. */
  readonly onBytes: (bytes: number) => void;
}

/** What is known of a part: of which file it is, and the `ETag` under which it came. */
const partSchema = z.object({ address: z.string(), size: z.number(), digest: z.string(), etag: z.string().nullable() });
type Part = z.output<typeof partSchema>;

/** The part cannot be gone on with: from the beginning. */
class Stale extends Error {}

/**
 * Downloads a file to `<target>.partial` and renames it once its digest is right. What is there of the same file is gone on
 * with: `Range` with `If-Range` (RFC 9110, 13.1.5), and the answer's `Content-Range` and `ETag` are checked.
 * @throws DmxError `DMX_FETCH_*`; the part stays where another try can use it.
 */
export async function downloadFile(client: HubClient, download: Download): Promise<Digests> {
  const transfer = new Transfer(client, download);
  for (;;) {
    const goneOn = await transfer.fill();
    const digests = await transfer.finish();
    if (digests !== null) return digests;
    // The part of before may be what is wrong: once more from the beginning.
    if (!goneOn) throw transfer.wrongDigest();
  }
}

class Transfer {
  readonly #client: HubClient;
  readonly #download: Download;
  readonly #partial: string;
  readonly #notes: string;
  #wrong = '';
  #goneOn = false;

  constructor(client: HubClient, download: Download) {
    this.#client = client;
    this.#download = download;
    this.#partial = `${download.target}.partial`;
    this.#notes = `${this.#partial}.json`;
  }

  /** Brings all bytes. @returns whether some were there already and gone on with. */
  async fill(): Promise<boolean> {
    const { file, address } = this.#download;
    this.#goneOn = false;
    let present = await this.#present();
    let most = present ?? 0;
    for (let attempt = 1; present !== file.size; attempt++) {
      try {
        await this.#request(present ?? 0);
        present = await this.#present();
      } catch (error) {
        if (error instanceof Stale) await this.#discard();
        present = await this.#present();
        // Tries count as long as nothing new comes.
        if ((present ?? 0) > most) attempt = 1;
        most = Math.max(most, present ?? 0);
        const again = error instanceof Stale ? new Interrupted(`${file.path}: ${error.message}`) : error;
        await this.#client.afterFailure(address, again, attempt);
      }
    }
    return this.#goneOn;
  }

  /** Verifies and renames; null for a wrong digest, and then the part is gone. */
  async finish(): Promise<Digests | null> {
    const { file, target, signal } = this.#download;
    const handle = await open(this.#partial, 'r+');
    await handle.sync().finally(() => handle.close());
    const digests = await digestsOf(this.#partial, file.size, signal);
    if (digests[file.digest.kind] !== file.digest.value) {
      this.#wrong = digests[file.digest.kind];
      await this.#discard();
      return null;
    }
    await rename(this.#partial, target);
    await rm(this.#notes, { force: true });
    return digests;
  }

  wrongDigest(): Error {
    const { file } = this.#download;
    const kind = file.digest.kind === 'sha256' ? 'sha256' : 'git sha1';
    return teacherError('DMX_FETCH_HASH', {
      summary: `${file.path} is not the file that it should be`,
      why: `Its ${kind} is ${this.#wrong}, expected ${file.digest.value}.`,
      fix: 'It was removed. Try again, without a mirror or with another one; do not use a file whose digest is wrong.',
    });
  }

  /** Bytes of the part that belongs to this file, null where there is none; anything else is removed. */
  async #present(): Promise<number | null> {
    const { file } = this.#download;
    const length = await lengthOf(this.#partial);
    if (length === null) return null;
    const notes = await this.#readNotes();
    const same = notes !== null && notes.size === file.size && notes.digest === file.digest.value;
    if (same && length <= file.size) return length;
    await this.#discard();
    return null;
  }

  async #readNotes(): Promise<Part | null> {
    try {
      return partSchema.parse(JSON.parse(await readRegularFile(this.#notes, 'utf8')));
    } catch {
      return null;
    }
  }

  async #discard(): Promise<void> {
    await rm(this.#partial, { force: true });
    await rm(this.#notes, { force: true });
  }

  async #request(present: number): Promise<void> {
    const { address, file, onBytes } = this.#download;
    const etag = (await this.#readNotes())?.etag ?? null;
    const headers: Record<string, string> = {};
    if (present > 0) headers.range = `bytes=${present}-`;
    if (present > 0 && etag !== null) headers['if-range'] = etag;
    const answer = await this.#client.open(address, headers);
    try {
      const start = this.#startOf(answer, present, etag);
      const found = answer.headers.get('etag');
      // A weak tag does not promise the same bytes.
      const strong = found !== null && !found.startsWith('W/') ? found : null;
      const notes: Part = { address, size: file.size, digest: file.digest.value, etag: strong };
      await writeFileAtomic(this.#notes, JSON.stringify(notes));
      if (start === 0) await rm(this.#partial, { force: true });
      else this.#goneOn = true;
      onBytes(start);
      await this.#write(answer, start);
    } finally {
      answer.drop();
    }
  }

  /** Where the bytes of an answer belong. @throws Stale, or a DmxError for an answer that is not this file. */
  #startOf({ status, headers }: Answer, present: number, etag: string | null): number {
    const { file } = this.#download;
    if (/^text\/html\b/i.test(headers.get('content-type') ?? '')) throw this.#notTheFile('a web page');
    const coding = headers.get('content-encoding') ?? 'identity';
    if (coding !== 'identity') throw this.#notTheFile(`a body packed with ${coding}`);
    if (status === 416) throw new Stale('the server has no bytes behind the part that is here');
    const length = headers.get('content-length');
    if (status === 200) {
      if (length !== null && Number(length) !== file.size) throw this.#wrongLength(`${length} bytes`);
      return 0;
    }
    const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '');
    if (present === 0 || range === null || Number(range[1]) !== present) {
      throw new Stale(`asked for bytes from ${present}, got "${headers.get('content-range') ?? 'no range'}"`);
    }
    if (range[3] !== '*' && Number(range[3]) !== file.size) throw new Stale(`the file has ${range[3]} bytes now`);
    const now = headers.get('etag');
    if (etag !== null && now !== null && now !== etag) throw new Stale('the file has changed');
    return present;
  }

  async #write(answer: Answer, start: number): Promise<void> {
    const { file, onBytes } = this.#download;
    const handle = await open(this.#partial, 'a');
    let written = start;
    try {
      for await (const piece of answer.pieces()) {
        if (written + piece.byteLength > file.size) {
          await this.#discard();
          throw this.#wrongLength('more than that');
        }
        let from = 0;
        while (from < piece.byteLength) from += (await handle.write(piece, from)).bytesWritten;
        written += piece.byteLength;
        onBytes(written);
      }
    } catch (error) {
      throw isFull(error) ? this.#diskFull(error) : error;
    } finally {
      await handle.close();
    }
    if (written < file.size) throw new Interrupted(`${file.path} broke off after ${written} of ${file.size} bytes`);
  }

  #notTheFile(found: string): Error {
    return teacherError('DMX_FETCH_ANSWER', {
      summary: `${this.#client.hub.host} does not give ${this.#download.file.path}`,
      why: `It sent ${found}.`,
      fix: 'A login page, a captive portal or a proxy may stand between; open the address of the repository in a browser.',
    });
  }

  #wrongLength(found: string): Error {
    const { file } = this.#download;
    return teacherError('DMX_FETCH_SIZE', {
      summary: `${file.path} has another length than the hub states`,
      why: `Stated ${file.size} bytes, sent ${found}.`,
      fix: 'Try again, without a mirror or with another one.',
    });
  }

  #diskFull(cause: unknown): Error {
    return teacherError('DMX_FETCH_DISK', {
      summary: `The disk is full: ${this.#partial} could not be written to its end`,
      why: `${this.#download.file.size} bytes are needed for it.`,
      fix: 'Make room and give the same command again: it goes on where it ended.',
      cause,
    });
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((error as NodeJS.ErrnoException).code ?? '');
}
