import { createHash } from 'node:crypto';
import { escapeHtml, pngAddress } from '@dinomix/volume/page';
import type { Dinov3Options } from '../options.js';
import { SLICE_AXES } from '../slices.js';
import type { PackedTokens } from './pack.js';
import { COLOURS } from './pictures.js';
import type { View } from './view.js';
import { VIEWER } from './viewer.js';

/** A token that the reader of the page can choose by its name. */
export interface NamedToken {
  readonly name: string;
  readonly token: number;
}

/** What a page shows. */
export interface PageContent {
  readonly title: string;
  /** What the teacher says about itself. */
  readonly provenance: string;
  readonly view: View;
  readonly packed: PackedTokens;
  /** Colours of the first three principal components, `[n, 3]`. */
  readonly rgb: Uint8Array;
  /** Their shares of the variance. */
  readonly shares: readonly number[];
  readonly foreground: boolean;
  readonly named: readonly NamedToken[];
  /** Voxels of the volume. */
  readonly shape: readonly number[];
  readonly axis: Dinov3Options['axis'];
}

const STYLE = `
:root{color-scheme:light dark;--paper:#fbfbfa;--card:#fff;--ink:#1c2024;--ink-2:#60666d;--rule:#e3e4e1;--soft:#f1f2ef;--warn:#9a6700}
@media (prefers-color-scheme:dark){:root{--paper:#14171a;--card:#1c2024;--ink:#e9eaea;--ink-2:#a2a9b0;--rule:#343a40;--soft:#252a2f;--warn:#e3b341}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1340px;padding:24px 20px 48px;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif;font-variant-numeric:tabular-nums}
h1{font-size:1.6rem;margin:0 0 8px;overflow-wrap:anywhere}
.notice{display:table;font-weight:600;padding:5px 12px;border-left:4px solid var(--warn);background:var(--soft);overflow-wrap:anywhere}
.note{color:var(--ink-2);font-size:.85rem;max-width:95ch}
.controls{display:flex;flex-wrap:wrap;gap:8px 24px;align-items:center;margin:16px 0}
.controls input[type=range]{width:min(320px,60vw)}
button{font:inherit;padding:2px 12px}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr));gap:16px;align-items:start}
figure{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:10px 12px}
figcaption{font-weight:600;font-size:.92rem}
figcaption small{display:block;font-weight:400;color:var(--ink-2);min-height:4.5em}
.picture{position:relative;background:#000;cursor:crosshair;width:100%}
.picture img,.picture canvas{position:absolute;inset:0;width:100%;height:100%;image-rendering:pixelated}
.picture img{image-rendering:auto}
[hidden]{display:none!important}
.mark{position:absolute;width:16px;height:16px;margin:-8px 0 0 -8px;border:2px solid #fff;border-radius:50%;box-shadow:0 0 0 1.5px #000;pointer-events:none}
.bar{display:inline-block;width:120px;height:10px;vertical-align:-1px;margin:0 6px}
`;

const base64 = (values: Uint8Array | Int8Array | Float32Array): string =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64');

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function dataOf({ view, packed, rgb, named, shape, axis }: PageContent): string {
  const { layers, rows, columns, slices, pictures, turned } = view;
  const order = SLICE_AXES[axis];
  const data = {
    layers,
    rows,
    columns,
    slices,
    turned,
    axis: order,
    cells: [layers, rows, columns],
    shape: order.map((of) => shape[of]),
    channels: packed.channels,
    tokens: base64(packed.bytes),
    scales: base64(packed.scales),
    rgb: base64(rgb),
    colours: base64(COLOURS),
    images: pictures.map((picture) => pngAddress(picture)),
    named: named.map(({ token }) => token),
  };
  // A script element ends at the first "</".
  return JSON.stringify(data).replaceAll('<', '\\u003c');
}

function quantisation({ packed, view }: PageContent): string {
  const reduced =
    packed.channels === view.channels
      ? ''
      : ` and reduced from ${view.channels} to ${packed.channels} directions, which hold ${percent(packed.kept)} of their squared length`;
  return `The tokens in this page are rounded to 8 bits${reduced}, so that it stays small: its cosines differ from the exact ones by up to ${packed.error.toPrecision(1)}.`;
}

function panel(title: string, note: string, canvas: string, aspect: number): string {
  return `<figure><figcaption>${title}<small>${note}</small></figcaption><div class="picture" style="aspect-ratio:${aspect.toFixed(4)}"><img class="slice" alt="">${canvas}<i class="mark" hidden></i></div></figure>`;
}

/** A page in one file, which fetches nothing: pictures, tokens and the script that draws them are inside. */
export function tokenPage(content: PageContent): string {
  const { title, provenance, view, shares, foreground, named } = content;
  const [stops, shown] = [9, shares.map(percent)];
  const bar = Array.from({ length: stops }, (_, i) => {
    const at = 3 * Math.round((255 * i) / (stops - 1));
    return `rgb(${COLOURS.subarray(at, at + 3).join(' ')})`;
  }).join(',');
  const buttons = named
    .map(({ name }, index) => `<button id="named-${index}">voxel ${escapeHtml(name)}</button>`)
    .join('');
  const over = foreground
    ? 'tokens over something brighter than black; the others are black'
    : 'all tokens of the volume';
  const hung = view.turned
    ? 'Anterior or superior is up, and right or anterior is on the left.'
    : 'Rows and columns run as in the file.';
  const style = `${STYLE}.bar{background:linear-gradient(90deg,${bar})}`;
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${sha256(VIEWER)}'`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)} · tokens of the teacher</title>
<style>${style}</style>
</head>
<body>
<h1>What the teacher sees: ${escapeHtml(title)}</h1>
<p class="notice">${escapeHtml(provenance)}</p>
<div class="controls">
<label>slice <input type="range" id="layer" min="0" max="${view.layers - 1}" step="1" value="0"></label><output id="where"></output>
<label>colours over the slice <input type="range" id="opacity" min="0" max="1" step="0.05" value="0.8"></label>
<label><input type="checkbox" id="mean"> subtract the mean token first</label>${buttons}
</div>
<div class="panels">
${panel('slice', 'Click anywhere to compare that token with all others.', '', view.aspect)}
${panel('principal components', `first three as red, green, blue: ${shown.join(', ')} of the variance of ${over}`, '<canvas id="components"></canvas>', view.aspect)}
${panel('cosine', '<span id="reference">No token is chosen yet: click on one.</span>', '<canvas id="cosine" hidden></canvas>', view.aspect)}
</div>
<p class="note">cosine <span id="low"></span><span class="bar"></span><span id="high"></span>: the smallest and largest over all slices but the chosen token itself. Arrow keys change the slice.
${view.layers} layers of ${view.rows} x ${view.columns} tokens with ${view.channels} channels. ${hung} Voxels count on the grid on which the teacher sees the volume. ${quantisation(content)}</p>
<script type="application/json" id="data">${dataOf(content)}</script>
<script>${VIEWER}</script>
</body>
</html>
`;
}
