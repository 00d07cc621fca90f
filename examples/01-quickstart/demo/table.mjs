// Tables for a person: aligned text that is Markdown at the same time.

function number(value, digits) {
  return value == null ? '-' : value.toFixed(digits);
}

/** Rows of cells as a Markdown table with aligned columns: the first to the left, the others to the right. */
function render([head, ...rows]) {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column].length)));
  const pad = (cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]));
  const line = (row) => `| ${row.map(pad).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** Dice and surface distance of each organ for the runs of one seed. */
export function organTable(runs) {
  const each = (cells) => runs.flatMap(cells);
  const organs = runs[0].classes.map(({ name, tail }, index) => [
    tail ? `${name} *` : name,
    ...each(({ dice, asd }) => [number(dice[index], 3), number(asd[index], 1)]),
  ]);
  return render([
    ['organ', ...each(({ method }) => [method, 'ASD mm'])],
    ...organs,
    ['mean', ...each(({ diceMean, asdMean }) => [number(diceMean, 3), number(asdMean, 1)])],
    ['mean of the tail *', ...each(({ diceTail }) => [number(diceTail, 3), ''])],
    ['organs never found', ...each(({ collapsed }) => [String(collapsed), ''])],
    ['training, s', ...each(({ seconds }) => [number(seconds, 0), ''])],
    ['training, steps', ...each(({ steps }) => [String(steps), ''])],
  ]);
}

/** Means over several seeds, a row for each method. */
export function seedTable(methods) {
  const both = ({ mean, deviation }, digits) => `${number(mean, digits)} ± ${number(deviation, digits)}`;
  return render([
    ['method', 'Dice', 'Dice, tail', 'ASD mm', 'never found', 'steps', 'training, s', 'MB'],
    ...methods.map(({ method, diceMean, diceTail, asdMean, collapsed, steps, seconds, peakMb }) => [
      method,
      both(diceMean, 3),
      both(diceTail, 3),
      both(asdMean, 1),
      number(collapsed.mean, 1),
      number(steps.mean, 0),
      number(seconds.mean, 0),
      number(Math.max(...peakMb.values), 0),
    ]),
  ]);
}
