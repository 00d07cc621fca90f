import type { ClassInfo } from '@dinomix/core';
import { foregroundOf, mainColumn } from '../history/facts.js';
import type { RunHistory } from '../history/history.js';
import type { ChosenSlice } from '../history/slice-choice.js';
import { decimal } from '../markup/format.js';
import { type Content, html, type Markup } from '../markup/html.js';
import { ERROR_COLOURS, type SliceLayers, sliceLayers } from '../pictures/layers.js';
import { classChip, type Section, section, teacherNotice } from './common.js';

function panel(title: string, layers: SliceLayers, over: string | null): Markup {
  return html`<div class="panel"><div class="picture" style="aspect-ratio:${layers.aspect.toFixed(4)}"><img alt="" src="${layers.image}">${
    over !== null && html`<img class="over" alt="" src="${over}">`
  }</div><span>${title}</span></div>`;
}

function caseFigure({ slice, score }: ChosenSlice, layers: SliceLayers, scoreTitle: string): Markup {
  const result = score === null ? 'no reference' : `mean ${scoreTitle} ${decimal(score)}`;
  return html`<figure class="case"><figcaption>${slice.caseId} <small>axial slice ${slice.sliceIndex} · ${result}</small></figcaption><div class="panels">${panel('image', layers, null)}${
    layers.reference !== null && panel('ground truth', layers, layers.reference)
  }${panel('prediction', layers, layers.prediction)}${layers.errors !== null && panel('differences', layers, layers.errors)}</div></figure>`;
}

function errorLegend(): Content {
  const entries = [
    ['missed', 'organ taken for background'],
    ['extra', 'background taken for an organ'],
    ['confused', 'one organ taken for another'],
  ] as const;
  return entries.map(
    ([kind, meaning]) =>
      html`<span class="chip"><i style="--key:rgb(${ERROR_COLOURS[kind].join(' ')})"></i>${meaning}</span>`,
  );
}

/** Slices of test cases: image, ground truth, prediction, and where they differ. */
export function sliceSection(history: RunHistory): Section | null {
  const { slices } = history.slices;
  if (slices.length === 0) return null;
  const classes = foregroundOf(history);
  const title = mainColumn(history.test?.columns ?? [])?.title ?? 'Dice';
  const made = slices.map((chosen) => ({ chosen, layers: sliceLayers(chosen.slice, classes) }));
  const shown = (info: ClassInfo) => made.some(({ layers }) => layers.classes.has(info.index));
  return section(
    'slices',
    'Slices of test cases',
    teacherNotice(history),
    html`<input type="checkbox" id="overlay" checked><label for="overlay">labels over the image</label>`,
    html`<p class="legend">${classes.filter(shown).map(classChip)}</p><p class="legend">${errorLegend()}</p>`,
    html`<div class="cases">${made.map(({ chosen, layers }) => caseFigure(chosen, layers, title))}</div>`,
    html`<p class="note">The slice with the most classes of the reference; the worst cases come first.</p>`,
  );
}
