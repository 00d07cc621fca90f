import type { ClassInfo } from '@dinomix/core';
import { labelColour } from '@dinomix/volume';

/** An organ, and whether it belongs to the tail of reports. */
export type Organ = readonly [name: string, tail?: boolean];

/**
 * Background and organs in the order of their label values 1, 2, ...
 * @param colour - which colour of {@link labelColour} a label value has.
 */
export function classTable(organs: readonly Organ[], colour = (value: number) => value): readonly ClassInfo[] {
  const rows: readonly Organ[] = [['background'], ...organs];
  return rows.map(([name, tail = false], index) => ({ index, name, colour: labelColour(colour(index)), tail }));
}
