import { join } from 'node:path';
import type { Index3, Normalisation } from '@dinomix/core';
import { makeFolder, writeFileAtomic } from '@dinomix/volume';
import { encodePng, type Picture } from '@dinomix/volume/page';
import { openDescriber } from '../describe.js';
import { teacherError } from '../errors.js';
import { type Dinov3Options, optionsSchema } from '../options.js';
import { normalisedWindow } from '../window.js';
import { cosines, principalComponents, project } from './components.js';
import { packTokens } from './pack.js';
import { type NamedToken, tokenPage } from './page.js';
import { coloured, quantile, scaled, sheet, toBytes } from './pictures.js';
import { type View, viewOf } from './view.js';

/** A volume to show, and how. */
export interface ShowRequest {
  /** For headings and the names of files. */
  readonly title: string;
  /** Intensities `[d, h, w]`, normalised. */
  readonly image: Float32Array;
  readonly shape: Index3;
  /** mm along z, y, x. */
  readonly spacing: Index3;
  /** Whether the axes of memory z, y, x run to superior, anterior and right. */
  readonly isRas: boolean;
  readonly normalisation: Normalisation;
  /** Options of the teacher, as in a config. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Voxels `[z, y, x]` of the volume whose cosine maps are drawn. */
  readonly voxels?: readonly { readonly name: string; readonly voxel: Index3 }[];
  /** Whether the components are those of the tokens over something brighter than black. */
  readonly foreground?: boolean;
  /** Bytes of the tokens in the page. @defaultValue 6e6: with base64, pictures and the rest it stays below 10 MB */
  readonly tokenBytes?: number;
  /** Folder for the files; created. */
  readonly folder: string;
  readonly signal?: AbortSignal;
}

/** What was written. */
export interface Shown {
  readonly title: string;
  /** What the teacher says about itself. */
  readonly provenance: string;
  /** Absolute path of the page. */
  readonly page: string;
  /** Absolute paths of the pictures: components, then one for each voxel. */
  readonly pictures: readonly string[];
  /** Layers, rows and columns of tokens as they are drawn. */
  readonly cells: Index3;
  readonly channels: number;
  /** Shares of the variance of the first three principal components. */
  readonly shares: readonly number[];
  readonly bytes: number;
}

const TOKEN_BYTES = 6e6;
/** Pictures beside each other in a file. */
const ACROSS = 6;

/** Colours of the first three components `[n, 3]`, each from its 1st to its 99th percentile. */
function componentColours(projected: Float32Array, taken: Uint8Array | null): Uint8Array {
  const count = projected.length / 3;
  const rgb = new Uint8Array(3 * count);
  for (const channel of [0, 1, 2]) {
    const values = Float32Array.from({ length: count }, (_, token) => projected[3 * token + channel]!);
    const sorted = values.filter((_, token) => taken?.[token] !== 0).sort();
    const bytes = toBytes(values, [quantile(sorted, 0.01), quantile(sorted, 0.99)]);
    for (const [token, byte] of bytes.entries()) rgb[3 * token + channel] = taken?.[token] === 0 ? 0 : byte;
  }
  return rgb;
}

function colourLayers({ layers, rows, columns }: View, rgb: Uint8Array): readonly Picture[] {
  const size = 3 * rows * columns;
  return Array.from({ length: layers }, (_, layer) => {
    return { width: columns, height: rows, channels: 3, pixels: rgb.subarray(layer * size, (layer + 1) * size) };
  });
}

/** Slices above their colours, some beside each other. */
function pictureOf(view: View, rgb: Uint8Array): Buffer {
  const { width, height } = view.pictures[0]!;
  const tall = Math.max(height, Math.round(width / view.aspect));
  const sides = [tall, Math.round(tall * view.aspect)] as const;
  const colours = colourLayers(view, rgb).map((picture) => scaled(picture, sides));
  const slices = view.pictures.map((picture) => scaled(picture, sides));
  const rows: Picture[][] = [];
  for (let first = 0; first < view.layers; first += ACROSS) {
    rows.push(slices.slice(first, first + ACROSS), colours.slice(first, first + ACROSS));
  }
  return encodePng(sheet(rows));
}

/** Colours of the cosine with a token, from the smallest to the largest of the others. */
function cosineColours({ tokens, channels }: View, token: number): Uint8Array {
  const map = cosines(tokens, channels, token);
  const others = map.filter((_, index) => index !== token).sort();
  return coloured(toBytes(map, [others[0] ?? 0, others.at(-1) ?? 1]));
}

function nameTokens({ voxels = [], shape }: ShowRequest, view: View): readonly NamedToken[] {
  return voxels.map(({ name, voxel }) => {
    if (voxel.every((index, axis) => Number.isInteger(index) && index >= 0 && index < shape[axis]!)) {
      return { name, token: view.tokenAt(voxel) };
    }
    throw teacherError('DMX_DINOV3_OPTIONS', {
      summary: `The voxel ${name} is not in the volume`,
      why: `On the grid that the teacher sees it is (z, y, x) = (${voxel.join(', ')}), of ${shape.join(' x ')} voxels.`,
      fix: 'Name a voxel by its indices z,y,x, counted from 0.',
    });
  });
}

async function viewFor(request: ShowRequest, options: Dinov3Options): Promise<{ view: View; provenance: string }> {
  const { image, shape, spacing, isRas, normalisation, signal = new AbortController().signal } = request;
  const display = options.window === null ? normalisation.display : normalisedWindow(options.window, normalisation);
  const describer = await openDescriber(options, normalisation, shape);
  try {
    const grid = await describer.describe(image, shape, signal);
    const view = viewOf(grid, { image, shape, spacing, isRas, display }, options);
    return { view, provenance: describer.provenance };
  } finally {
    await describer.dispose();
  }
}

/**
 * Draws what a teacher makes of a volume: the first three principal components of its tokens as colours, and the cosine of
 * every token with that of a voxel; as PNG files, and as a page in which any token can be clicked.
 * @throws DmxError `DMX_DINOV3_OPTIONS` for wrong options or a voxel outside; Error for an unusable model.
 */
export async function showTeacher(request: ShowRequest): Promise<Shown> {
  const { title, folder, foreground = false, shape } = request;
  const parsed = optionsSchema.safeParse(request.options ?? {});
  if (!parsed.success) {
    const list = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
    throw teacherError('DMX_DINOV3_OPTIONS', {
      summary: 'Wrong options of the teacher',
      why: list,
      fix: 'See the README.',
    });
  }
  // Whole slices are large, and the memory of attention grows with the square of their tokens.
  const { view, provenance } = await viewFor(request, { ...parsed.data, slicesPerCall: 1 });
  const named = nameTokens(request, view);
  const taken = foreground && view.foreground.includes(1) ? view.foreground : null;
  const components = principalComponents(view.tokens, view.channels, 3, { taken, centred: true });
  const rgb = componentColours(project(view.tokens, view.channels, components), taken);
  const packed = packTokens(view.tokens, view.channels, request.tokenBytes ?? TOKEN_BYTES);
  const { axis } = parsed.data;
  const { shares } = components;
  const page = tokenPage({
    title,
    provenance,
    view,
    packed,
    rgb,
    shares,
    foreground: taken !== null,
    named,
    shape,
    axis,
  });
  await makeFolder(folder);
  const write = async (name: string, content: string | Buffer): Promise<string> => {
    const path = join(folder, name);
    await writeFileAtomic(path, content);
    return path;
  };
  const pictures = [await write('components.png', pictureOf(view, rgb))];
  for (const { name, token } of named) {
    const file = `cosine-${name.replaceAll(/[^\w.-]+/g, '-')}.png`;
    pictures.push(await write(file, pictureOf(view, cosineColours(view, token))));
  }
  const written = await write('tokens.html', page);
  const { layers, rows, columns, channels } = view;
  const bytes = Buffer.byteLength(page);
  return { title, provenance, page: written, pictures, cells: [layers, rows, columns], channels, shares, bytes };
}
