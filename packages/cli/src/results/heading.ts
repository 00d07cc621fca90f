import type { MetricColumn } from '@dinomix/core';

/** Heading of a metric with its unit and the rules that its numbers depend on, e.g. `ASD [voxel] (medpy, empty p1)`. */
export function columnHeading({ title, unit, definition, empty }: MetricColumn): string {
  const rules = [definition, empty === undefined ? undefined : `empty ${empty}`].filter((rule) => rule !== undefined);
  return `${title}${unit === 'ratio' ? '' : ` [${unit}]`}${rules.length > 0 ? ` (${rules.join(', ')})` : ''}`;
}
