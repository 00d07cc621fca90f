import type { Crop, Index3, MixItem, MixPlan, Paste, SourceRef } from '@dinomix/core';
import { trainerError } from '../errors.js';

/** What a plan may refer to. */
export interface PlanBounds {
  /** Labelled crops in the batch. */
  readonly labelled: number;
  /** Unlabelled crops in the batch that have pseudo-labels. */
  readonly unlabelled: number;
  /** `[d, h, w]`, voxels. */
  readonly patch: Index3;
  /** Ids of the labelled cases. */
  readonly labelledCases: ReadonlySet<string>;
}

/** The plan that the first mixer sees: every crop is its own base, nothing is pasted. */
export function identityPlan(labelled: number, unlabelled: number): MixPlan {
  const items = (set: 'labelled' | 'unlabelled', count: number): MixItem[] =>
    Array.from({ length: count }, (_, item) => ({ base: { set, item }, pastes: [] }));
  return {
    donors: [],
    labelled: items('labelled', labelled),
    unlabelled: items('unlabelled', unlabelled),
    pseudoWeight: 1,
  };
}

function isIndex3(value: Index3): boolean {
  return Array.isArray(value) && value.length === 3 && value.every(Number.isInteger);
}

function boxProblem({ from, to, size }: Paste, patch: Index3): string | null {
  if (![from, to, size].every(isIndex3)) return 'from, to and size must be three whole numbers each';
  for (const axis of [0, 1, 2] as const) {
    if (size[axis] < 1) return `size [${size}] is below 1`;
    for (const [name, corner] of [
      ['from', from],
      ['to', to],
    ] as const) {
      if (corner[axis] < 0 || corner[axis] + size[axis] > patch[axis]) {
        return `${name} [${corner}] with size [${size}] leaves the crop [${patch}]`;
      }
    }
  }
  return null;
}

function sourceProblem({ set, item }: SourceRef, counts: Readonly<Record<string, number>>): string | null {
  const count = counts[set];
  if (count === undefined) return `the set "${set}" is unknown`;
  if (Number.isInteger(item) && item >= 0 && item < count) return null;
  const hint =
    set === 'unlabelled' && count === 0 ? ' (without a teacher that gives probabilities they have no target)' : '';
  return `there is no item ${item} among the ${count} crops of "${set}"${hint}`;
}

function* problems(plan: MixPlan, bounds: PlanBounds): Generator<string> {
  const { pseudoWeight, donors } = plan;
  if (!(pseudoWeight >= 0 && pseudoWeight <= 1)) yield `pseudoWeight is ${pseudoWeight}, not in [0, 1]`;
  for (const [index, { caseId }] of donors.entries()) {
    if (!bounds.labelledCases.has(caseId)) yield `donors[${index}]: "${caseId}" is not a labelled case`;
  }
  const counts = { labelled: bounds.labelled, unlabelled: bounds.unlabelled, donor: donors.length };
  for (const view of ['labelled', 'unlabelled'] as const) {
    for (const [index, { base, pastes }] of plan[view].entries()) {
      const path = `${view}[${index}]`;
      const problem = sourceProblem(base, counts);
      if (problem !== null) yield `${path}.base: ${problem}`;
      for (const [number, paste] of pastes.entries()) {
        const wrong = sourceProblem(paste.source, counts) ?? boxProblem(paste, bounds.patch);
        if (wrong !== null) yield `${path}.pastes[${number}]: ${wrong}`;
      }
    }
  }
}

/**
 * Checks a plan before it is applied.
 * @param plugin - who is named: the mixer, or the hook.
 * @throws DMX_MIX_PLAN with the first problem.
 */
export function checkPlan(plan: MixPlan, bounds: PlanBounds, plugin: string): void {
  for (const problem of problems(plan, bounds)) {
    throw trainerError('DMX_MIX_PLAN', { plugin, problem }, { plugin, phase: 'run' });
  }
}

/** Crops that the items of a view lie on: those of their bases. */
export function baseCrops(
  items: readonly MixItem[],
  crops: Readonly<Record<SourceRef['set'], readonly Crop[]>>,
): readonly Crop[] {
  return items.map(({ base }) => crops[base.set][base.item]!);
}
