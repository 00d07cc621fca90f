import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  against,
  askedFor,
  brokenAfter,
  CONFIG,
  failureOf,
  MODEL,
  REPOSITORY,
  servers,
  WEIGHTS,
  weightsBy,
} from '../../test/fetching.js';
import { type Handler, honest, sendBytes, sha256, startServer } from '../../test/hub.js';
import type { FetchRequest } from './fetch.js';

describe('a hub that lies', () => {
  const answering =
    (status: number, headers: Record<string, string | number>, body: Buffer | string): Handler =>
    (_, response) => {
      response.writeHead(status, headers).end(body);
      return true;
    };

  async function lied(handlers: readonly Handler[], more: Partial<FetchRequest> = {}): Promise<string> {
    const tried = await against(handlers, more);
    const { message } = await failureOf(tried.again());
    const left = await readdir(tried.folder);
    expect(left).not.toContain('model.safetensors');
    expect(left).not.toContain('receipt.json');
    return message;
  }

  it('about the length', async () => {
    const short = WEIGHTS.subarray(0, 1000);
    expect(await lied([weightsBy(answering(200, { 'content-length': 1000 }, short))])).toMatch(
      /DMX_FETCH_SIZE.*\n.*Stated 300007 bytes, sent 1000 bytes/,
    );
    const endless: Handler = (_, response) => {
      response.writeHead(200, { etag: '"1"' });
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      more();
      return true;
    };
    const tried = await against([weightsBy(endless)]);
    expect((await failureOf(tried.again())).message).toContain('Stated 300007 bytes, sent more than that');
    expect((await readdir(tried.folder)).sort()).toEqual(['LICENSE.md', 'config.json']);
  });

  it('about the content', async () => {
    const other = Buffer.from(WEIGHTS);
    other[200_000]! ^= 1;
    const message = await lied([weightsBy(answering(200, { etag: '"1"' }, other))]);
    expect(message).toContain('DMX_FETCH_HASH');
    expect(message).toContain(`Its sha256 is ${sha256(other)}, expected ${sha256(WEIGHTS)}`);
    const small: Handler = (_, response, path) => {
      if (!path.endsWith('/config.json')) return false;
      response.end(CONFIG.map((byte) => byte ^ 1));
      return true;
    };
    expect(await lied([small])).toContain('Its git sha1 is');
  });

  it('about the range: parts are thrown away and the whole is asked for', async () => {
    const ranges = (range: string, from: number): Handler =>
      answering(206, { etag: '"1"', 'content-range': range }, WEIGHTS.subarray(from));
    for (const answer of [
      ranges(`bytes 99999-${WEIGHTS.length - 1}/${WEIGHTS.length}`, 99_999),
      ranges('bytes 100000-299999/300000', 100_000),
      answering(206, { etag: '"1"' }, WEIGHTS.subarray(100_000)),
      answering(416, { 'content-range': 'bytes */5' }, ''),
    ]) {
      const tried = await against([weightsBy(brokenAfter(100_000), answer)]);
      await tried.again();
      expect(askedFor(tried)).toEqual([undefined, 'bytes=100000-', undefined]);
      expect(await readFile(join(tried.folder, 'model.safetensors'))).toEqual(WEIGHTS);
    }
    // A part that was not asked for.
    expect(await lied([weightsBy(...Array.from({ length: 5 }, () => ranges('bytes 5-300006/300007', 5)))])).toContain(
      'asked for bytes from 0, got "bytes 5-300006/300007"',
    );
  });

  it('with a page, or packed bytes, where the file should be', async () => {
    const page = answering(200, { 'content-type': 'text/html; charset=utf-8' }, '<html>log in</html>');
    expect(await lied([weightsBy(page)])).toMatch(/DMX_FETCH_ANSWER.*\n.*a web page/);
    const packed = answering(200, { 'content-encoding': 'br' }, 'x');
    expect(await lied([weightsBy(packed)])).toContain('a body packed with br');
    expect(await lied([answering(200, { 'content-type': 'text/html' }, '<html>\u001b[31mlog\nin</html>')])).toContain(
      'gave no JSON but "<html> [31mlog in</html>"',
    );
    expect(await lied([answering(200, {}, `[${' '.repeat(9_000_000)}]`)])).toContain('more than 8000000 bytes');
    expect(await lied([answering(200, {}, '{"sha":"main"}')])).toMatch(/DMX_FETCH_ANSWER.*\n.*sha: /);
  });

  it.each([
    '../evil.safetensors',
    '/etc/evil',
    'onnx/../../evil',
    'a\\b',
    'C:evil',
    'aux.json',
    'receipt.json',
    '.bashrc',
    'a\nb',
  ])('about names: %j stays out', async (name) => {
    const repository = { ...REPOSITORY, files: { ...REPOSITORY.files, [name]: Buffer.from('evil') } };
    const message = await lied([honest(repository)], { files: [name] });
    expect(message).toContain('DMX_FETCH_FILES');
  });

  it('about the end of its listing', async () => {
    const endless: Handler = (_, response, path) => {
      if (!path.includes('/tree/')) return false;
      response.writeHead(200, { link: `<${path}>; rel="next"` }).end('[]');
      return true;
    };
    expect(await lied([endless])).toContain('the listing has more than 10 pages');
  });

  it('about names beside the weights', async () => {
    const files = { 'onnx/model.onnx': WEIGHTS, 'onnx/model.onnx_data/../../x': CONFIG };
    expect(await lied([honest({ ...REPOSITORY, files })])).toContain('would leave the folder');
  });
});

describe('the token', () => {
  const redirect =
    (to: () => string): Handler =>
    (_, response, path) => {
      if (path !== MODEL) return false;
      response.writeHead(302, { location: to() }).end();
      return true;
    };

  it('goes to the hub and not to where it redirects', async () => {
    const store = await startServer((request, response) => {
      sendBytes(request, response, WEIGHTS, '"store"');
      return true;
    });
    servers.push(store);
    // The same machine under another name, and another port.
    const address = store.url.replace('127.0.0.1', 'localhost');
    const tried = await against([redirect(() => `${address}/signed?key=1`)], { token: 'hf_secret' });
    await tried.again();
    expect(tried.server.seen.map(({ authorization }) => authorization)).toEqual(
      tried.server.seen.map(() => 'Bearer hf_secret'),
    );
    expect(store.seen).toEqual([
      { path: '/signed?key=1', range: undefined, ifRange: undefined, authorization: undefined },
    ]);
    const receipt = await readFile(join(tried.folder, 'receipt.json'), 'utf8');
    expect(receipt).not.toMatch(/hf_secret|signed/);
  });

  it('is kept on the way within the hub, and is in no message', async () => {
    const moved: Handler = (request, response, path) => {
      if (path !== '/moved') return false;
      sendBytes(request, response, WEIGHTS, '"1"');
      return true;
    };
    const tried = await against([redirect(() => '/moved'), moved], { token: 'hf_secret' });
    await tried.again();
    expect(tried.server.seen.at(-1)).toMatchObject({ path: '/moved', authorization: 'Bearer hf_secret' });
    const refusing: Handler = (_, response) => {
      response.writeHead(403).end();
      return true;
    };
    const refused = await failureOf((await against([refusing], { token: 'hf_secret' })).again());
    expect(`${refused.message} ${refused.stack} ${JSON.stringify(refused)}`).not.toContain('hf_secret');
  });

  it('that cannot stand in a header is refused without being shown; blanks around it do not matter', async () => {
    const tried = await against([]);
    for (const token of ['hf_sec\nret', 'hf_sec ret', 'hf_séc']) {
      const failure = await failureOf(tried.again({ token }));
      expect(failure.message).toContain('DMX_FETCH_TOKEN');
      expect(`${failure.message} ${failure.stack}`).not.toMatch(/hf_/);
    }
    expect(tried.server.seen).toEqual([]);
    await tried.again({ token: ' hf_secret\n' });
    expect(tried.server.seen[0]!.authorization).toBe('Bearer hf_secret');
  });

  it('redirects end: in a circle, out of https, into a closed network', async () => {
    const circle = await against([redirect(() => MODEL)]);
    expect((await failureOf(circle.again())).message).toContain('more than 5 redirects');
    const plain = await against([redirect(() => 'http://example.org/x')]);
    expect((await failureOf(plain.again())).message).toContain('DMX_FETCH_URL');
    const file = await against([redirect(() => 'file:///etc/passwd')]);
    expect((await failureOf(file.again())).message).toContain('it is not https');
    const closed = await against([redirect(() => 'https://10.0.0.7/x')]);
    expect((await failureOf(closed.again())).message).toContain('into a closed network');
  });
});
