import type { FoundPage } from '../history/read-pages.js';
import { html, type Markup } from '../markup/html.js';
import { type Section, section } from './common.js';

function pageFigure({ title, note, link, pictures }: FoundPage): Markup {
  const sheets = pictures.map((picture) => {
    const source = `data:image/png;base64,${Buffer.from(picture).toString('base64')}`;
    return html`<a href="${link}"><img class="sheet" alt="" src="${source}"></a>`;
  });
  return html`<figure><figcaption><a href="${link}">${title}</a></figcaption><p class="note">${note}</p>${sheets}</figure>`;
}

/** Pages beside the report. */
export function pageSection(pages: readonly FoundPage[]): Section | null {
  if (pages.length === 0) return null;
  return section('pages', 'Pages beside this report', html`<div>${pages.map(pageFigure)}</div>`);
}
