import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { inflateSync } from 'node:zlib';
import type { Index3 } from '@dinomix/core';
import { afterAll, describe, expect, it } from 'vitest';
import { patchMeanModel, writeTemporary } from '../../test/models.js';
import { cosines } from './components.js';
import { type ShowRequest, showTeacher } from './show.js';

const root = await mkdtemp(join(tmpdir(), 'dinomix-show-'));
afterAll(() => rm(root, { recursive: true, force: true }));

/** 16 slices of 32 x 48 voxels: 2 layers of 2 x 3 tokens of the patch-mean model. */
const SHAPE: Index3 = [16, 32, 48];
const model = await writeTemporary('mean.onnx', await patchMeanModel());
const PLAIN = { model, mean: [0, 0, 0], deviation: [1, 1, 1], upscale: 1, threads: 1 };

const volume = (grey: (z: number, y: number, x: number) => number): Float32Array =>
  Float32Array.from({ length: 16 * 32 * 48 }, (_, i) => {
    return grey(Math.floor(i / 1536), Math.floor(i / 48) % 32, i % 48);
  });
/** Bright where z is above 8, y in the upper half, x in the last third: superior, anterior, right in RAS. */
const BLOB = volume((z, y, x) => (z >= 8 && y >= 16 && x >= 32 ? 0.8 : 0.2));

async function show(
  more: Partial<ShowRequest> = {},
): Promise<{ readonly shown: Awaited<ReturnType<typeof showTeacher>>; readonly html: string }> {
  const shown = await showTeacher({
    title: 'case <1>',
    image: BLOB,
    shape: SHAPE,
    spacing: [2, 1, 1],
    isRas: false,
    normalisation: { steps: [], display: [0, 1] },
    options: PLAIN,
    folder: await mkdtemp(join(root, 'shown-')),
    ...more,
  });
  return { shown, html: await readFile(shown.page, 'utf8') };
}

/** The data in a page. */
interface PageData {
  readonly layers: number;
  readonly rows: number;
  readonly columns: number;
  readonly slices: readonly number[];
  readonly channels: number;
  readonly rgb: string;
  readonly tokens: string;
  readonly scales: string;
  readonly images: readonly string[];
  readonly named: readonly number[];
}

function dataOf(html: string): PageData {
  return JSON.parse(/<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)![1]!);
}

/** Tokens of a page, as its script reads them. */
function tokensOf({ tokens, scales, channels }: PageData): Float32Array {
  const bytes = new Int8Array(Buffer.from(tokens, 'base64'));
  const steps = new Float32Array(new Uint8Array(Buffer.from(scales, 'base64')).buffer);
  return Float32Array.from(bytes, (byte, i) => byte * steps[Math.floor(i / channels)]!);
}

/** Reads a picture written by us: 8 bits, no filter. */
function readPng(png: Buffer): {
  readonly width: number;
  readonly height: number;
  readonly at: (row: number, column: number) => readonly number[];
} {
  const [width, height, channels] = [png.readUInt32BE(16), png.readUInt32BE(20), png[25] === 2 ? 3 : 1];
  const start = png.indexOf('IDAT');
  const rows = inflateSync(png.subarray(start + 4, start + 4 + png.readUInt32BE(start - 4)));
  const at = (row: number, column: number): readonly number[] => {
    const from = row * (width * channels + 1) + 1 + column * channels;
    return [...rows.subarray(from, from + channels)];
  };
  return { width, height, at };
}

const imageAt = (data: PageData, layer: number) => readPng(Buffer.from(data.images[layer]!.split(',')[1]!, 'base64'));

describe('orientation', () => {
  it('in RAS has anterior up and right on the left, in pictures, components and tokens alike', async () => {
    const { html } = await show({ isRas: true });
    const data = dataOf(html);
    expect([data.layers, data.rows, data.columns, data.slices]).toEqual([2, 2, 3, [3, 11]]);
    const picture = imageAt(data, 1);
    expect([picture.width, picture.height]).toEqual([48, 32]);
    // 0.8 and 0.2 of 255.
    expect([picture.at(2, 2), picture.at(2, 20), picture.at(30, 2)]).toEqual([[204], [51], [51]]);
    expect(imageAt(data, 0).at(2, 2)).toEqual([51]);
    const grey = [...tokensOf(data)].filter((_, i) => i % 3 === 0).map((value) => Number(value.toFixed(2)));
    expect(grey).toEqual([0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.8, 0.2, 0.2, 0.2, 0.2, 0.2]);
    const rgb = Buffer.from(data.rgb, 'base64');
    expect(rgb[3 * 6]).not.toBe(rgb[0]);
    expect(rgb[3 * 7]).toBe(rgb[0]);
  });

  it('without known axes stays as in the file', async () => {
    const { html } = await show();
    const data = dataOf(html);
    expect([imageAt(data, 1).at(30, 46), imageAt(data, 1).at(2, 2)]).toEqual([[204], [51]]);
    expect(tokensOf(data)[3 * 11]).toBeCloseTo(0.8, 2);
    expect(tokensOf(data)[3 * 6]).toBeCloseTo(0.2, 2);
  });

  it.each(['coronal', 'sagittal'] as const)('of %s slices has superior up', async (axis) => {
    const { html } = await show({ isRas: true, options: { ...PLAIN, axis } });
    const data = dataOf(html);
    // Layers along y or x: the last one goes through the blob, whose token is in the upper left corner.
    const last = tokensOf(data).slice(-3 * data.rows * data.columns);
    const first = axis === 'coronal' ? [16, 48] : [16, 32];
    expect([data.rows, data.columns]).toEqual([first[0]! / 16, first[1]! / 16]);
    expect(last[0]).toBeGreaterThan(0.5);
    expect(last.at(-1)).toBeCloseTo(0.2, 2);
    const picture = imageAt(data, data.layers - 1);
    expect([picture.at(1, 1), picture.at(14, 1)]).toEqual([[204], [51]]);
  });
});

describe('named voxels', () => {
  it.each([[false], [true]])('lead to the token over them (RAS: %s)', async (isRas) => {
    const { html, shown } = await show({ isRas, voxels: [{ name: '12,20,40', voxel: [12, 20, 40] }] });
    const data = dataOf(html);
    expect(tokensOf(data)[3 * data.named[0]!]).toBeCloseTo(0.8, 2);
    expect(html).toContain('>voxel 12,20,40</button>');
    expect(shown.pictures.map((path) => path.split('/').at(-1))).toEqual(['components.png', 'cosine-12-20-40.png']);
  });

  it('outside of the volume are refused before anything is written', async () => {
    const folder = await mkdtemp(join(root, 'none-'));
    const voxels = [{ name: '16,0,0', voxel: [16, 0, 0] as const }];
    await expect(show({ folder, voxels })).rejects.toThrow('DMX_DINOV3_OPTIONS  The voxel 16,0,0 is not in the volume');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('the pictures', () => {
  it('have slices above their components', async () => {
    const { shown } = await show();
    const picture = readPng(await readFile(shown.pictures[0]!));
    // Two pictures of 48 x 32 beside each other and two rows of them, rims of 2.
    expect([picture.width, picture.height]).toEqual([2 * 50 + 2, 2 * 34 + 2]);
    expect(picture.at(2 + 30, 52 + 46)).toEqual([204, 204, 204]);
    expect(picture.at(36 + 30, 52 + 46)).not.toEqual(picture.at(36 + 2, 52 + 2));
    expect(picture.at(36 + 2, 2 + 2)).toEqual(picture.at(36 + 2, 52 + 2));
  });

  it('leave out what is black where the foreground is asked for', async () => {
    const image = volume((z, _, x) => (x < 16 ? 0 : 0.3 + 0.02 * z));
    const { html, shown } = await show({ image, foreground: true });
    const rgb = Buffer.from(dataOf(html).rgb, 'base64');
    for (const token of [0, 3, 6, 9]) expect([...rgb.subarray(3 * token, 3 * token + 3)]).toEqual([0, 0, 0]);
    expect(html).toContain('of the variance of tokens over something brighter than black');
    expect(shown.shares[0]).toBeCloseTo(1, 5);
  });
});

describe('the page', () => {
  it('says that random weights are none of DINOv3, and escapes what it is given', async () => {
    const control = { control: { channels: 24, blocks: 1, heads: 2 } };
    const { html, shown } = await show({ options: control, voxels: [{ name: '<b>', voxel: [0, 0, 0] }] });
    expect(html).toContain('<p class="notice">teacher: random control weights, not DINOv3</p>');
    expect(shown).toMatchObject({ provenance: 'teacher: random control weights, not DINOv3', channels: 24 });
    expect(html).toContain('What the teacher sees: case &lt;1&gt;');
    expect(html).not.toMatch(/case <1>|<b>/);
  });

  it('fetches nothing, and runs its own script alone', async () => {
    const { html } = await show();
    expect(html).toMatch(
      /content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-[^']+'"/,
    );
    expect(html).not.toMatch(/https?:|@import|url\(/);
  });

  it('says that tokens are rounded, and how they were reduced to keep it small', async () => {
    const options = { control: { channels: 24, blocks: 1, heads: 2 } };
    const usual = await show({ options });
    expect(usual.html).toContain('The tokens in this page are rounded to 8 bits, so that it stays small');
    expect(usual.shown.bytes).toBe(Buffer.byteLength(usual.html));
    // 2 layers of 4 x 6 tokens: 4 bytes of scale and 10 directions for each.
    const small = await show({ options, tokenBytes: 48 * 14 });
    expect(dataOf(small.html).channels).toBe(10);
    expect(small.html).toMatch(/reduced from 24 to 10 directions, which hold \d+\.\d % of their squared length/);
  });
});

/** As much of a browser as the script needs. */
function browser(html: string) {
  const element = (id: string) => ({
    id,
    textContent: '',
    value: '',
    checked: false,
    hidden: false,
    src: '',
    style: {} as Record<string, string>,
    listeners: {} as Record<string, (event: unknown) => void>,
    addEventListener(type: string, listener: (event: unknown) => void) {
      this.listeners[type] = listener;
    },
    getBoundingClientRect: () => ({ left: 10, top: 20, width: 300, height: 200 }),
    getContext() {
      return { putImageData: (picture: { data: Uint8ClampedArray }) => painted.set(id, picture.data) };
    },
  });
  const painted = new Map<string, Uint8ClampedArray>();
  const known = new Map<string, ReturnType<typeof element>>();
  const find = (id: string) => known.get(id) ?? known.set(id, element(id)).get(id)!;
  find('data').textContent = /id="data">(.*?)<\/script>/s.exec(html)![1]!;
  const lists: Record<string, readonly string[]> = {
    '.picture': ['panel'],
    '.mark': ['mark'],
    'img.slice': ['slice'],
    canvas: ['components', 'cosine'],
  };
  const document = {
    getElementById: find,
    querySelectorAll: (selector: string) => lists[selector]!.map(find),
    addEventListener: () => undefined,
  };
  class ImageData {
    readonly data: Uint8ClampedArray;
    constructor(width: number, height: number) {
      this.data = new Uint8ClampedArray(4 * width * height);
    }
  }
  const script = /<script>(.*)<\/script>\s*<\/body>/s.exec(html)![1]!;
  runInNewContext(script, { document, ImageData, atob, Uint8Array, Int8Array, Float32Array, Float64Array });
  const click = (x: number, y: number) => find('panel').listeners.click!({ clientX: 10 + x, clientY: 20 + y });
  return { find, click, painted };
}

describe('the script of the page', () => {
  const pattern = volume(
    (z, y, x) => 0.1 + 0.05 * Math.floor(z / 8) + 0.2 * Math.floor(y / 16) + 0.13 * Math.floor(x / 16),
  );
  const seen = { image: pattern, options: { ...PLAIN, mean: [0.3, 0.1, 0.5] } };

  it('draws the middle layer, and the cosine with the token that is clicked', async () => {
    const { html } = await show({ ...seen, isRas: true });
    const { find, click, painted } = browser(html);
    expect(find('where').textContent).toBe('layer 2 of 2, slice 11');
    expect([find('cosine').hidden, find('mark').hidden]).toEqual([true, true]);
    // 300 x 200 for 3 x 2 tokens: column 2, row 0. In RAS that is x 0..15 and y 16..31 of the volume.
    click(250, 50);
    expect(find('reference').textContent).toBe('cosine with the token at voxel (z, y, x) = (11, 24, 8), in layer 2');
    expect([find('mark').style.left, find('mark').style.top]).toEqual([`${(100 * 2.5) / 3}%`, '25%']);
    const tokens = tokensOf(dataOf(html));
    const others = [...cosines(tokens, 3, 8)].filter((_, token) => token !== 8);
    expect(Number(find('low').textContent)).toBeCloseTo(Math.min(...others), 2);
    expect(Number(find('high').textContent)).toBeCloseTo(Math.max(...others), 2);
    // The token itself is painted in the last colour.
    expect([...painted.get('cosine')!.subarray(8, 12)]).toEqual([253, 231, 37, 255]);
  });

  it('subtracts the mean where asked, goes through the layers, and begins at a named voxel', async () => {
    const { html } = await show({ ...seen, voxels: [{ name: 'a', voxel: [2, 3, 40] }] });
    const { find } = browser(html);
    expect(find('where').textContent).toBe('layer 1 of 2, slice 3');
    const plain = find('low').textContent;
    find('mean').checked = true;
    find('mean').listeners.change!({});
    const tokens = tokensOf(dataOf(html));
    const mean = Float64Array.from(
      [0, 1, 2],
      (c) => tokens.filter((_, i) => i % 3 === c).reduce((a, b) => a + b, 0) / 12,
    );
    expect(Number(find('low').textContent)).toBeCloseTo(Math.min(...cosines(tokens, 3, 2, mean)), 2);
    expect(find('low').textContent).not.toBe(plain);
    find('layer').listeners.input!({ target: { value: '1' } });
    expect([find('where').textContent, find('mark').hidden]).toEqual(['layer 2 of 2, slice 11', true]);
    expect(find('slice').src).toBe(dataOf(html).images[1]);
  });
});
