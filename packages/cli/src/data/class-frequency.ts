import type { ClassInfo } from '@dinomix/core';
import type { CaseSurvey } from '@dinomix/data/prepare';
import { escapeHtml } from '@dinomix/volume/page';

/** How often a class occurs in the labels that were read. */
export interface ClassFrequency {
  readonly index: number;
  readonly name: string;
  readonly colour: ClassInfo['colour'];
  readonly voxels: number;
  /** Cases that have at least one voxel of it. */
  readonly cases: number;
  /** Share of all foreground voxels. */
  readonly share: number;
}

/** Counts the foreground classes over all cases with a label. */
export function classFrequencies(
  classes: readonly ClassInfo[],
  surveys: readonly CaseSurvey[],
): readonly ClassFrequency[] {
  const counted = surveys.flatMap(({ voxels }) => (voxels === null ? [] : [voxels]));
  const totals = classes.map(({ index }) => counted.reduce((sum, voxels) => sum + voxels[index]!, 0));
  const foreground = totals.slice(1).reduce((sum, total) => sum + total, 0);
  return classes.slice(1).map(({ index, name, colour }) => ({
    index,
    name,
    colour,
    voxels: totals[index]!,
    cases: counted.filter((voxels) => voxels[index]! > 0).length,
    share: foreground === 0 ? 0 : totals[index]! / foreground,
  }));
}

/** Length of a bar from 0 to 1 on a logarithmic scale that starts at one voxel: organs differ by a factor of a thousand. */
function barLength(voxels: number, most: number): number {
  return voxels === 0 || most <= 1 ? 0 : Math.log(voxels) / Math.log(most);
}

function mostOf(frequencies: readonly ClassFrequency[]): number {
  return Math.max(1, ...frequencies.map(({ voxels }) => voxels));
}

/** Rows for a terminal: name, bar, voxels, share, cases. */
export function frequencyRows(frequencies: readonly ClassFrequency[], width = 30): readonly (readonly string[])[] {
  const most = mostOf(frequencies);
  return frequencies.map(({ name, voxels, share, cases }) => [
    name,
    '#'.repeat(Math.round(width * barLength(voxels, most))).padEnd(width),
    String(voxels).padStart(String(most).length),
    `${(100 * share).toFixed(2)} %`.padStart(8),
    `in ${cases} cases`,
  ]);
}

/** The same as a picture: an SVG document. */
export function frequencyChart(title: string, frequencies: readonly ClassFrequency[]): string {
  const most = mostOf(frequencies);
  const [left, right, row] = [190, 420, 22];
  const height = 60 + row * frequencies.length;
  const decades = Array.from({ length: Math.floor(Math.log10(most)) + 1 }, (_, power) => power);
  const bottom = height - 22;
  const lines = decades.map((power) => {
    const x = left + right * barLength(10 ** power, most);
    return `<path d="M${x.toFixed(1)} 30V${bottom}" stroke="#ddd"/><text x="${x.toFixed(1)}" y="${bottom + 15}" text-anchor="middle">10^${power}</text>`;
  });
  const bars = frequencies.map(({ name, colour, voxels }, index) => {
    const y = 34 + row * index;
    const width = (right * barLength(voxels, most)).toFixed(1);
    return (
      `<text x="${left - 8}" y="${y + 13}" text-anchor="end">${escapeHtml(name)}</text>` +
      `<rect x="${left}" y="${y}" width="${width}" height="${row - 5}" fill="rgb(${colour})"/>` +
      `<text x="${left + Number(width) + 6}" y="${y + 13}">${voxels}</text>`
    );
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${left + right + 90}" height="${height}" font-family="sans-serif" font-size="12">` +
    `<rect width="100%" height="100%" fill="#fff"/><text x="10" y="20" font-size="14">${escapeHtml(title)}: voxels per class, logarithmic</text>` +
    `${lines.join('')}${bars.join('')}</svg>\n`
  );
}
