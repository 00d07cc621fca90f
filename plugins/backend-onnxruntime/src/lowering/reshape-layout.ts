import { type Layout, layoutRank } from './layout.js';

/** Axes of both shapes that cover the same run of elements; either side may be empty where the product is one. */
interface AxisGroup {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

function axisGroups(from: readonly number[], to: readonly number[]): AxisGroup[] {
  const groups: AxisGroup[] = [];
  let i = 0;
  let j = 0;
  while (i < from.length || j < to.length) {
    const start = [i, j] as const;
    let [a, b] = [1, 1];
    do {
      if (i < from.length && (a <= b || j >= to.length)) a *= from[i++]!;
      else if (j < to.length) b *= to[j++]!;
      else throw new Error(`[${from}] and [${to}] have different sizes`);
    } while (a !== b);
    const range = (first: number, end: number) => Array.from({ length: end - first }, (_, index) => first + index);
    groups.push({ from: range(start[0], i), to: range(start[1], j) });
  }
  return groups;
}

/** One axis of memory: a logical axis, or one part of a split one. */
interface MemoryAxis {
  readonly axis: number;
  readonly part: 0 | 1;
}

function memoryAxes(layout: Layout): MemoryAxis[] {
  const parts: MemoryAxis[] = [];
  for (let axis = 0; axis < layoutRank(layout); axis++) {
    parts.push({ axis, part: 0 });
    if (layout.splits.includes(axis)) parts.push({ axis, part: 1 });
  }
  return layout.perm.map((position) => parts[position]!);
}

/**
 * The layout that the memory of a tensor of shape `from` has once it is called `to`, or undefined where elements would
 * have to move: a reshape is free when every run of axes that it joins or parts lies together, in order, in memory.
 */
export function reshapeLayout(layout: Layout, from: readonly number[], to: readonly number[]): Layout | undefined {
  if (from.includes(0)) return undefined;
  const memory = memoryAxes(layout).filter(({ axis }) => from[axis] !== 1);
  const groups = axisGroups(from, to).map((group) => ({
    from: group.from.filter((axis) => from[axis] !== 1),
    to: group.to.filter((axis) => to[axis] !== 1),
  }));
  const result: MemoryAxis[] = [];
  for (let position = 0; position < memory.length; ) {
    const { axis, part } = memory[position]!;
    const group = groups.find((candidate) => candidate.from.includes(axis))!;
    if (group.from.length === 1 && group.to.length === 1) {
      result.push({ axis: group.to[0]!, part });
      position++;
      continue;
    }
    for (const expected of group.from) {
      const found = memory[position++];
      if (found?.axis !== expected || layout.splits.includes(expected)) return undefined;
    }
    result.push(...group.to.map((added) => ({ axis: added, part: 0 as const })));
  }
  return withOnes(result, layout, to);
}

/** Puts the axes of length one after their logical predecessors and numbers everything as a layout. */
function withOnes(memory: readonly MemoryAxis[], { block }: Layout, to: readonly number[]): Layout {
  const result = [...memory];
  to.forEach((side, axis) => {
    if (side !== 1) return;
    const previous = result.findIndex((item) => item.axis === axis - 1);
    result.splice(previous + 1, 0, { axis, part: 0 });
  });
  const splits = result.flatMap(({ axis, part }) => (part === 1 ? [axis] : [])).sort((a, b) => a - b);
  const perm = result.map(({ axis, part }) => axis + part + splits.filter((split) => split < axis).length);
  return { splits, block: splits.length > 0 ? block : 1, perm };
}
