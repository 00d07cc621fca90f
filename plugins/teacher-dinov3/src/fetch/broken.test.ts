import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  against,
  askedFor,
  brokenAfter,
  failureOf,
  MODEL,
  sendAndBreak,
  WEIGHTS,
  weightsBy,
} from '../../test/fetching.js';
import { type Handler, sendBytes, sha256 } from '../../test/hub.js';

describe('a download that breaks off', () => {
  it('goes on where it ended, within one command', async () => {
    const tried = await against([weightsBy(brokenAfter(100_000), brokenAfter(50_000, 100_000))]);
    await tried.again();
    expect(askedFor(tried)).toEqual([undefined, 'bytes=100000-', 'bytes=150000-']);
    // The honest answers have another ETag than "1": the last one starts anew.
    expect(await readFile(join(tried.folder, 'model.safetensors'))).toEqual(WEIGHTS);
  });

  it('goes on in the next command, with If-Range', async () => {
    const tag = `"${sha256(WEIGHTS)}"`;
    const broken: Handler = (_, response) => {
      response.writeHead(200, { etag: tag, 'content-length': WEIGHTS.length });
      sendAndBreak(response, WEIGHTS.subarray(0, 123_456));
      return true;
    };
    const tried = await against([weightsBy(broken)], { patience: { idle: 400, pause: 5, tries: 1 } });
    expect((await failureOf(tried.again())).message).toContain('DMX_FETCH_NETWORK');
    expect((await stat(join(tried.folder, 'model.safetensors.partial'))).size).toBe(123_456);
    expect(await readdir(tried.folder)).not.toContain('model.safetensors');
    await tried.again();
    expect(tried.server.seen.at(-1)).toMatchObject({ range: 'bytes=123456-', ifRange: tag });
    expect(await readFile(join(tried.folder, 'model.safetensors'))).toEqual(WEIGHTS);
    expect((await readdir(tried.folder)).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('is given up after some tries that bring nothing', async () => {
    const closed: Handler = (request) => {
      request.socket.destroy();
      return true;
    };
    const tried = await against([weightsBy(closed, closed, closed, closed, closed, closed)]);
    const { message } = await failureOf(tried.again());
    expect(message).toMatch(/DMX_FETCH_NETWORK.*\n.*after 5 tries/);
    expect(askedFor(tried)).toHaveLength(5);
  });

  it('starts anew where the file has changed since, whether or not the server looks at If-Range', async () => {
    const old: Handler = (_, response) => {
      response.writeHead(200, { etag: '"old"', 'content-length': WEIGHTS.length });
      sendAndBreak(response, Buffer.alloc(90_000));
      return true;
    };
    const careless: Handler = (request, response) => {
      delete request.headers['if-range'];
      sendBytes(request, response, WEIGHTS, '"new"');
      return true;
    };
    for (const answers of [[old], [old, careless]]) {
      const tried = await against([weightsBy(...answers)]);
      await tried.again();
      expect(await readFile(join(tried.folder, 'model.safetensors'))).toEqual(WEIGHTS);
      expect(askedFor(tried)[1]).toBe('bytes=90000-');
    }
  });

  it('starts anew where bytes of before were wrong and no ETag tells it', async () => {
    const wrong: Handler = (_, response) => {
      response.writeHead(200, { 'content-length': WEIGHTS.length });
      sendAndBreak(response, Buffer.alloc(90_000));
      return true;
    };
    const tried = await against([weightsBy(wrong)]);
    await tried.again();
    expect(askedFor(tried)).toEqual([undefined, 'bytes=90000-', undefined]);
    expect(await readFile(join(tried.folder, 'model.safetensors'))).toEqual(WEIGHTS);
  });

  it('does not go on with the part of another file', async () => {
    const tried = await against([]);
    await writeFile(join(tried.folder, 'model.safetensors.partial'), Buffer.alloc(1000));
    await writeFile(
      join(tried.folder, 'model.safetensors.partial.json'),
      JSON.stringify({ address: MODEL, size: WEIGHTS.length, digest: 'b'.repeat(64), etag: null }),
    );
    await tried.again();
    expect(askedFor(tried)).toEqual([undefined]);
  });

  it('by Ctrl-C leaves the part alone, and goes on from it', async () => {
    const controller = new AbortController();
    const slow: Handler = (_, response) => {
      response.writeHead(200, { etag: `"${sha256(WEIGHTS)}"`, 'content-length': WEIGHTS.length });
      response.write(WEIGHTS.subarray(0, 70_000), () =>
        setTimeout(() => controller.abort(new Error('interrupted')), 50),
      );
      return true;
    };
    const tried = await against([weightsBy(slow)]);
    expect((await failureOf(tried.again({ signal: controller.signal }))).message).toBe('interrupted');
    expect((await readdir(tried.folder)).sort()).toEqual([
      'LICENSE.md',
      'config.json',
      'model.safetensors.partial',
      'model.safetensors.partial.json',
    ]);
    await tried.again();
    expect(askedFor(tried)).toEqual([undefined, 'bytes=70000-']);
    expect(await readFile(join(tried.folder, 'model.safetensors'))).toEqual(WEIGHTS);
  });
});

describe('a slow hub', () => {
  it('is given up when no byte comes, before the answer or within it', async () => {
    const silent: Handler = () => true;
    const stuck: Handler = (_, response) => {
      response.writeHead(200, { etag: `"${sha256(WEIGHTS)}"`, 'content-length': WEIGHTS.length });
      response.write(WEIGHTS.subarray(0, 1000));
      return true;
    };
    const tried = await against([weightsBy(silent, stuck)]);
    await tried.again();
    expect(askedFor(tried)).toEqual([undefined, undefined, 'bytes=1000-']);
    const never = await against([silent], { patience: { idle: 50, pause: 1, tries: 2 } });
    expect((await failureOf(never.again())).message).toContain('sent nothing for 0.05 s, after 2 tries');
  });

  it('that drips is waited for', async () => {
    const dripping: Handler = (_, response) => {
      response.writeHead(200, { etag: '"1"', 'content-length': WEIGHTS.length });
      let sent = 0;
      const drip = (): void => {
        if (sent >= WEIGHTS.length) return void response.end();
        response.write(WEIGHTS.subarray(sent, sent + 60_000));
        sent += 60_000;
        setTimeout(drip, 150);
      };
      drip();
      return true;
    };
    // Longer than the idle time on the whole.
    const tried = await against([weightsBy(dripping)]);
    await tried.again();
    expect(askedFor(tried)).toEqual([undefined]);
  });
});

describe('answers that are errors', () => {
  const status =
    (code: number, headers: Record<string, string> = {}): Handler =>
    (_, response) => {
      response.writeHead(code, headers).end('no');
      return true;
    };

  it.each([
    [401, 'DMX_FETCH_ACCESS', 'HF_TOKEN', 1],
    [403, 'DMX_FETCH_ACCESS', '(GatedRepo)', 1],
    [404, 'DMX_FETCH_NOT_FOUND', '--revision', 1],
    [400, 'DMX_FETCH_ANSWER', 'answered 400', 1],
    [500, 'DMX_FETCH_NETWORK', 'answered 500, after 5 tries', 5],
    [429, 'DMX_FETCH_NETWORK', 'answered 429, after 5 tries', 5],
  ])('%i: %s, %s', async (code, error, text, requests) => {
    const refusing = status(code, { 'x-error-code': 'GatedRepo' });
    const tried = await against([weightsBy(...Array.from({ length: 5 }, () => refusing))]);
    const { message } = await failureOf(tried.again());
    expect(message).toContain(error);
    expect(message).toContain(text);
    expect(askedFor(tried)).toHaveLength(requests);
  });

  it('429 and 503 with Retry-After are waited for, as long as it is bearable', async () => {
    const tried = await against([weightsBy(status(429, { 'retry-after': '1' }), status(503))]);
    const start = performance.now();
    await tried.again();
    expect(performance.now() - start).toBeGreaterThan(990);
    expect(askedFor(tried)).toHaveLength(3);
    const long = await against([weightsBy(status(429, { 'retry-after': '3600' }))]);
    expect((await failureOf(long.again())).message).toContain('after 1 tries; it asks to wait 3600 s');
  });
});
