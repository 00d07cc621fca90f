import type { ClassInfo } from '@dinomix/core';
import { colourOf, teacherLines } from '../history/facts.js';
import type { RunHistory } from '../history/history.js';
import { type Content, html, Markup } from '../markup/html.js';

/** A part of the page with a heading. */
export class Section extends Markup {
  readonly id: string;
  readonly title: string;

  constructor(id: string, title: string, text: string) {
    super(text);
    this.id = id;
    this.title = title;
  }
}

/** A section with its heading; nothing where it has no content. */
export function section(id: string, title: string, ...content: readonly Content[]): Section | null {
  if (content.every((one) => one === null || one === false || one === undefined)) return null;
  const { text } = html`<section id="${id}"><h2>${title}</h2>${content}</section>`;
  return new Section(id, title, text);
}

/** The sections that there are, with links to them. */
export function withLinks(sections: readonly (Section | null)[]): Markup {
  const made = sections.filter((one) => one !== null);
  const links = made.map(({ id, title }) => html`<a href="#${id}">${title}</a> `);
  return html`<nav>${links}</nav><main>${made}</main>`;
}

/** Charts beside each other. */
export function charts(...figures: readonly Content[]): Markup {
  return html`<div class="charts">${figures}</div>`;
}

/** What the teachers say about themselves; it stands wherever results are shown. */
export function teacherNotice(history: RunHistory): Content {
  return teacherLines(history).map((line) => html`<p class="notice">${line}</p>`);
}

/** The colour, name and tail mark of a class. */
export function classChip(info: ClassInfo): Markup {
  return html`<span class="chip"><i style="--key:${colourOf(info)}"></i>${info.name}${info.tail && html` <b class="tail" title="tail class">◆</b>`}</span>`;
}

/** A table that scrolls by itself where the screen is narrow. */
export function table(head: readonly Content[], rows: readonly Content[]): Markup {
  return html`<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

/** Step to epoch, both from 0. */
export function toEpoch({ position }: RunHistory): (step: number) => number {
  const stepsPerEpoch = position?.stepsPerEpoch ?? 1;
  return (step) => step / stepsPerEpoch;
}

/** Range of the epochs so far. */
export function epochRange(history: RunHistory): readonly [number, number] {
  return [0, Math.max(toEpoch(history)(history.steps), 1e-9)];
}
