// What pages that show volumes are made of: `@dinomix/volume/page`.

export { escapeHtml } from './page/escape-html.js';
export { encodePng, type Palette, type Picture, pngAddress } from './page/png.js';
