import { printableLine } from '@dinomix/volume';
import type { ResultsTable } from './results-table.js';

/** Names of the formats. */
export type TableFormat = 'markdown' | 'csv' | 'latex';

function markdown({ title, notes, head, rows }: ResultsTable): string {
  const line = (cells: readonly string[]) => `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`;
  const rule = `|${head.map((_, index) => (index === 0 ? ' :-- ' : ' --: ')).join('|')}|`;
  return [`**${title}**`, '', line(head), rule, ...rows.map(line), '', ...notes.map((note) => `- ${note}`)].join('\n');
}

/** One number a cell: a deviation stands in a column of its own, and what is not known is empty. */
function onlyNumbers(head: readonly string[], rows: ResultsTable['rows']): readonly (readonly string[])[] {
  const hasDeviation = head.map((_, index) => rows.some((cells) => cells[index]!.includes('±')));
  const split = (cells: readonly string[]) =>
    cells.flatMap((text, index) => {
      const [value, deviation = ''] = text === '-' ? [''] : text.split('±');
      return hasDeviation[index] ? [value!, deviation] : [value!];
    });
  return [head.flatMap((name, index) => (hasDeviation[index] ? [name, `${name} std`] : [name])), ...rows.map(split)];
}

/** RFC 4180. The notes come first, as lines that begin with #. */
function csv({ title, notes, head, rows }: ResultsTable): string {
  const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const table = onlyNumbers(head, rows).map((cells) => cells.map(quoted).join(','));
  return [...[title, ...notes].map((note) => `# ${note}`), ...table].join('\n');
}

const LATEX_WORDS: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '±': '$\\pm$',
};

function latexText(text: string): string {
  return text.replace(/[\\~^±&%$#_{}]/g, (sign) => LATEX_WORDS[sign] ?? `\\${sign}`);
}

/** Needs the package booktabs. */
function latex({ title, notes, head, rows }: ResultsTable): string {
  const line = (cells: readonly string[]) => `    ${cells.map(latexText).join(' & ')} \\\\`;
  return [
    '\\begin{table}',
    `  \\caption{${latexText([title, ...notes].map((note) => note.replace(/\.?$/, '.')).join(' '))}}`,
    `  \\begin{tabular}{l${'r'.repeat(head.length - 1)}}`,
    '    \\toprule',
    line(head),
    '    \\midrule',
    ...rows.map(line),
    '    \\bottomrule',
    '  \\end{tabular}',
    '\\end{table}',
  ].join('\n');
}

const FORMATS: Readonly<Record<TableFormat, (table: ResultsTable) => string>> = { markdown, csv, latex };

/** A table as text of a format. */
export function formatResults(table: ResultsTable, format: TableFormat): string {
  const { title, notes, head, rows } = table;
  // A name that breaks lines would end the row of its table.
  const lines = (texts: readonly string[]) => texts.map(printableLine);
  return FORMATS[format]({
    title: printableLine(title),
    notes: lines(notes),
    head: lines(head),
    rows: rows.map(lines),
  });
}
