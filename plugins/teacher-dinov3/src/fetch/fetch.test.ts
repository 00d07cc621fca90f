import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  against,
  askedFor,
  CONFIG,
  failureOf,
  MODEL,
  REPOSITORY,
  REVISION,
  root,
  type Tried,
  WEIGHTS,
} from '../../test/fetching.js';
import { blob, type Handler, honest, sha256 } from '../../test/hub.js';

describe('a hub that does as it should', () => {
  it('gives weights, config and licence; a receipt stands beside them', async () => {
    const tried = await against([]);
    const fetched = await tried.again();
    expect((await readdir(tried.folder)).sort()).toEqual([
      'LICENSE.md',
      'config.json',
      'model.safetensors',
      'receipt.json',
    ]);
    expect(await readFile(join(tried.folder, 'model.safetensors'))).toEqual(WEIGHTS);
    expect(fetched).toMatchObject({ kind: 'safetensors', revision: REVISION, downloaded: 300_007 + 27 + 16 });
    const receipt = JSON.parse(await readFile(join(tried.folder, 'receipt.json'), 'utf8'));
    expect(receipt).toMatchObject({
      id: 'someone/dino',
      revision: REVISION,
      licence: { name: 'apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    });
    expect(Date.parse(receipt.licence.acceptedAt)).toBeGreaterThan(Date.now() - 60_000);
    expect(receipt.files.map((file: { path: string; sha256: string }) => [file.path, file.sha256])).toEqual([
      ['LICENSE.md', sha256(REPOSITORY.files['LICENSE.md']!)],
      ['config.json', sha256(CONFIG)],
      ['model.safetensors', sha256(WEIGHTS)],
    ]);
    expect(receipt.files[2].url).toBe(`${tried.server.url}${MODEL}`);
    expect(tried.offers[0]).toMatchObject({ gated: false, bytes: 300_050, licence: { name: 'apache-2.0' } });
    expect(tried.offers[0]!.free).toBeGreaterThan(1e6);
  });

  it('the digest of small files is that of git', () => {
    // `printf hello | git hash-object --stdin`
    expect(blob(Buffer.from('hello'))).toBe('b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0');
  });

  it('is not asked for weights again, nor for a yes; a changed file is fetched again', async () => {
    const tried = await against([]);
    await tried.again();
    expect((await tried.again()).downloaded).toBe(0);
    expect(tried.offers).toHaveLength(1);
    expect(askedFor(tried)).toHaveLength(1);
    await writeFile(join(tried.folder, 'config.json'), '{}');
    expect((await tried.again()).downloaded).toBe(CONFIG.length);
    expect(askedFor(tried)).toHaveLength(1);
    expect(await readFile(join(tried.folder, 'config.json'))).toEqual(CONFIG);
  });

  it('gives an ONNX export with what lies beside it, in the precision that is wanted', async () => {
    const names = [
      'config.json',
      'onnx/model.onnx',
      'onnx/model.onnx_data',
      'onnx/model_fp16.onnx',
      'onnx/model_q4.onnx',
    ];
    const files = Object.fromEntries(names.map((name) => [name, Buffer.from(name)]));
    const repository = {
      ...REPOSITORY,
      files,
      large: names.slice(1),
      card: { license: 'other', license_name: 'dinov3-license' },
    };
    const tried = await against([honest(repository)]);
    const fetched = await tried.again();
    expect(fetched.files.map(({ path }) => path)).toEqual(names.slice(0, 3));
    expect(fetched.kind).toBe('onnx');
    expect(tried.offers[0]!.licence.url).toBe('https://ai.meta.com/resources/models-and-libraries/dinov3-license');
    // There is no text of the licence in the repository.
    expect(await readFile(join(tried.folder, 'LICENCE.txt'), 'utf8')).toMatch(
      /^dinov3-license\nhttps:.*\n\nDINOv3 License of Meta/,
    );
    const half = await tried.again({ precision: 'float16', folder: await mkdtemp(join(root, 'half-')) });
    expect(half.files.map(({ path }) => path)).toEqual(['config.json', 'onnx/model_fp16.onnx']);
  });

  it('gives shards, and the pages of a long listing', async () => {
    const names = [
      'model.safetensors.index.json',
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
    ];
    const files = Object.fromEntries(names.map((name) => [name, Buffer.from(name)]));
    const repository = { ...REPOSITORY, files, large: names };
    const paged: Handler = (_, response, path) => {
      if (!path.includes('/tree/')) return false;
      const page = path.includes('cursor=2') ? 1 : 0;
      // As behind a mirror that passes on the address of the hub.
      const next = page === 0 ? { link: `<https://huggingface.co${path}&cursor=2>; rel="next"` } : {};
      const shown = names.slice(page * 2, page * 2 + 2).map((name) => {
        const lfs = { oid: sha256(files[name]!), size: files[name]!.length };
        return { type: 'file', path: name, size: 1, oid: 'f'.repeat(40), lfs };
      });
      response.writeHead(200, { 'content-type': 'application/json', ...next }).end(JSON.stringify(shown));
      return true;
    };
    const tried: Tried = await against([paged, honest(repository)]);
    expect((await tried.again()).files.map(({ path }) => path)).toEqual(names);
  });

  it('tells how far it is', async () => {
    const steps: number[] = [];
    const tried = await against([], { onProgress: ({ done, total }) => steps.push(done / total) });
    await tried.again();
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(steps.at(-1)).toBe(1);
  });
});

describe('the licence', () => {
  it('is asked for before any file is; without a yes nothing is downloaded', async () => {
    for (const answer of [false, undefined, 'yes'] as unknown as readonly boolean[]) {
      const tried = await against([], { accept: () => answer });
      const { message } = await failureOf(tried.again());
      expect(message).toContain('DMX_FETCH_LICENCE');
      expect(message).toContain('--accept-licence apache-2.0');
      expect(tried.server.seen.filter(({ path }) => path.includes('/resolve/'))).toEqual([]);
      expect(await readdir(tried.folder)).toEqual([]);
      const other = join(tried.folder, 'models', 'dino');
      expect((await failureOf(tried.again({ folder: other }))).message).toContain('DMX_FETCH_LICENCE');
      expect(await readdir(tried.folder)).toEqual([]);
    }
  });

  it.each([
    [{ license: 'mit' }, [], 'mit', 'https://opensource.org/license/mit'],
    [
      { license: 'other', license_name: 'own', license_link: 'https://example.org/own' },
      [],
      'own',
      'https://example.org/own',
    ],
    [null, ['license:cc-by-nc-4.0'], 'cc-by-nc-4.0', 'https://creativecommons.org/licenses/by-nc/4.0/legalcode'],
    [null, [], 'unstated', null],
  ])('of %j %j is read from the hub: %s', async (card, tags, name, url) => {
    const tried = await against([honest({ ...REPOSITORY, card: card as Record<string, unknown>, tags })]);
    await tried.again();
    expect(tried.offers[0]!.licence).toMatchObject({ name, url: url ?? `${tried.server.url}/someone/dino` });
  });

  it('of a known repository is the known one, unless the hub says otherwise', async () => {
    const id = 'facebook/dinov3-vits16-pretrain-lvd1689m';
    const ask = async (card: Record<string, unknown> | null) => {
      const tried = await against([honest({ ...REPOSITORY, id, gated: true, card: card as Record<string, unknown> })], {
        id,
      });
      await tried.again();
      return tried.offers[0]!;
    };
    const offer = await ask(null);
    expect(offer).toMatchObject({ gated: true, licence: { name: 'dinov3-license' } });
    expect(offer.licence.summary.join(' ')).toContain('commercial use included');
    expect((await ask({ license: 'other', license_name: 'dinov4-license' })).licence.name).toBe('dinov4-license');
  });
});

describe('what is refused before anything is sent', () => {
  it.each([
    ['http://example.org', 'Only https'],
    ['ftp://example.org', 'Only https'],
    ['https://me:secret@example.org', 'password'],
    ['nonsense', 'no address'],
  ])('the mirror %s', async (hub, text) => {
    const { message } = await failureOf((await against([])).again({ hub }));
    expect(message).toContain('DMX_FETCH_URL');
    expect(message).toContain(text);
    expect(message).not.toContain('secret');
  });

  it.each(['dino', 'a/b/c', '../x', 'a/..', 'a b/c', 'https://huggingface.co/a/b'])('the id %j', async (id) => {
    const tried = await against([]);
    expect((await failureOf(tried.again({ id }))).message).toContain('DMX_FETCH_ID');
    expect(tried.server.seen).toEqual([]);
  });

  it("sums above the limit, disks without room, files that are somebody else's", async () => {
    const tried = await against([]);
    expect((await failureOf(tried.again({ largest: 1e5 }))).message).toContain('DMX_FETCH_SIZE');
    const huge = honest(REPOSITORY);
    const claiming: Handler = (request, response, path) => {
      if (!path.includes('/tree/')) return huge(request, response, path);
      const lfs = { oid: 'c'.repeat(64), size: 9e15 };
      response.end(JSON.stringify([{ type: 'file', path: 'model.safetensors', size: 1, oid: 'f'.repeat(40), lfs }]));
      return true;
    };
    const full = await against([claiming], { largest: 1e16 });
    expect((await failureOf(full.again())).message).toContain('DMX_FETCH_DISK');
    await writeFile(join(tried.folder, 'model.safetensors'), 'mine');
    expect((await failureOf(tried.again())).message).toContain('DMX_FETCH_EXISTS');
    expect(await readFile(join(tried.folder, 'model.safetensors'), 'utf8')).toBe('mine');
    await tried.again({ overwrite: true });
    expect(await readFile(join(tried.folder, 'model.safetensors'))).toEqual(WEIGHTS);
    for (const { server } of [tried, full]) expect(server.seen.filter(({ path }) => path.includes('evil'))).toEqual([]);
  });

  it('repositories without weights that are read', async () => {
    const files = { 'model.pt': Buffer.from('a program') };
    const pickled = await against([honest({ ...REPOSITORY, files, large: ['model.pt'] })]);
    const { message } = await failureOf(pickled.again());
    expect(message).toContain('It has model.pt');
    expect(message).toContain('safetensors.torch.save_file');
    const missing = await against([]);
    expect((await failureOf(missing.again({ files: ['weights.bin'] }))).message).toContain('no file "weights.bin"');
  });

  it('a digest that contradicts the hub, or names another file', async () => {
    const tried = await against([]);
    const other = { 'model.safetensors': 'd'.repeat(64) };
    expect((await failureOf(tried.again({ sha256: other }))).message).toContain('DMX_FETCH_HASH');
    expect((await failureOf(tried.again({ sha256: { nothing: 'd'.repeat(64) } }))).message).toContain('"nothing"');
    // A small file, of which the hub has git's digest alone.
    expect((await failureOf(tried.again({ sha256: { 'config.json': 'd'.repeat(64) } }))).message).toContain(
      `Its sha256 is ${sha256(CONFIG)}`,
    );
    await tried.again({
      sha256: { 'config.json': sha256(CONFIG).toUpperCase(), 'model.safetensors': sha256(WEIGHTS) },
    });
  });
});

describe('off line', () => {
  it('takes what the receipt says is there, and asks nobody', async () => {
    const tried = await against([]);
    await tried.again();
    const before = tried.server.seen.length;
    const found = await tried.again({ offline: true });
    expect(found).toMatchObject({ revision: REVISION, kind: 'safetensors', downloaded: 0 });
    expect(tried.server.seen).toHaveLength(before);
    await writeFile(join(tried.folder, 'model.safetensors'), Buffer.alloc(WEIGHTS.length));
    expect((await failureOf(tried.again({ offline: true }))).message).toContain(
      'Missing or changed since: model.safetensors.',
    );
    const other = await failureOf(tried.again({ offline: true, id: 'someone/else' }));
    expect(other.message).toContain('holds someone/dino at aaaa');
  });

  it('says what to do where there is nothing', async () => {
    const tried = await against([], { offline: true });
    const { message } = await failureOf(tried.again());
    expect(message).toMatch(/DMX_FETCH_OFFLINE.*\n.*has no receipt of a download.*\n.*without --offline/);
    expect(tried.server.seen).toEqual([]);
    // A receipt that names files elsewhere is none.
    await mkdir(join(tried.folder, 'x'));
    const file = { path: '../../etc/passwd', size: 1, sha256: 'a'.repeat(64), url: '' };
    const licence = { name: 'x', url: null, acceptedAt: '' };
    const receipt = { id: REPOSITORY.id, revision: REVISION, kind: 'onnx', licence, files: [file] };
    await writeFile(join(tried.folder, 'receipt.json'), JSON.stringify(receipt));
    expect((await failureOf(tried.again())).message).toContain('has no receipt');
  });
});
