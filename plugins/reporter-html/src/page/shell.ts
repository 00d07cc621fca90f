import { type Content, html, Markup } from '../markup/html.js';
import { STYLE } from './style.js';

/** What surrounds the content of a page. */
export interface Shell {
  readonly title: string;
  /** Seconds after which the page loads itself again; 0 never. */
  readonly refresh: number;
  readonly body: Content;
}

/** Nothing may be loaded and nothing may run but the style that is written here. */
const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/** A whole page: one file that fetches nothing and needs no script. */
export function shell({ title, refresh, body }: Shell): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="referrer" content="no-referrer">
${refresh > 0 && html`<meta http-equiv="refresh" content="${refresh}">`}
<title>${title}</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
${body}
</body>
</html>
`.text;
}
