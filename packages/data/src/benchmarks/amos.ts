import type { DataProblem } from '@dinomix/core';
import { errorOf, warningOf } from '../check/problems.js';
import { splitFromLists } from '../splits/published-split.js';
import type { PlannedSplits, Splits } from '../splits/splits.js';
import { AMOS_LABELLED, AMOS_TEST, AMOS_TRAIN, AMOS_UNLABELLED_20, AMOS_VALIDATION } from './amos-manifests.js';
import { classTable } from './class-table.js';

/**
 * Background and the 15 organs of AMOS22 (method.md §2.7); the tail is the six smallest. An organ has the colour that it has
 * in Synapse, where the portal vein has the value 10.
 */
export const AMOS_CLASSES = classTable(
  [
    ['spleen'],
    ['right kidney'],
    ['left kidney'],
    ['gallbladder', true],
    ['esophagus', true],
    ['liver'],
    ['stomach'],
    ['aorta'],
    ['inferior vena cava'],
    ['pancreas'],
    ['right adrenal gland', true],
    ['left adrenal gland', true],
    ['duodenum', true],
    ['bladder'],
    ['prostate or uterus', true],
  ],
  (value) => (value < 10 ? value : value + 1),
);

/** Kidneys and adrenal glands of AMOS22: what a mirror along x exchanges. */
export const AMOS_SIDES = [
  [2, 3],
  [11, 12],
] as const;

/** The 360 cases with labels. */
export const AMOS_IDS: readonly string[] = [...AMOS_TRAIN, ...AMOS_VALIDATION, ...AMOS_TEST].sort();

/** Which part keeps cases that a training list and the validation list share. */
export type Leaked = 'validation' | 'training';

/** Whether a case of AMOS22 is a CT: ids above 500 are MRI (method.md §2.3). */
export function isAmosCt(id: string): boolean {
  return Number(id) <= 500;
}

/** The cases that the published 20 % lists share with the validation list. */
function leaksOf({ labelled, unlabelled, validation }: Splits) {
  const held = new Set(validation);
  return { labelled: labelled.filter((id) => held.has(id)), unlabelled: unlabelled.filter((id) => held.has(id)) };
}

function leakProblem(splits: Splits, leaked: Leaked, root: string): DataProblem[] {
  const { labelled, unlabelled } = leaksOf(splits);
  if (labelled.length + unlabelled.length === 0) return [];
  const message =
    `the published 20 % lists train on validation cases: labelled ${labelled.join(' ')}; unlabelled ` +
    `${unlabelled.join(' ')}. They are left out of ${leaked === 'validation' ? 'training' : 'validation'}`;
  const fix =
    'say so beside the result; leaked: "training" trains on the lists as published and validates on the rest, ' +
    'leaked: "validation" keeps the validation list';
  return [warningOf({ file: root, message, fix })];
}

function withoutLeaks(splits: Splits, leaked: Leaked): Splits {
  const leaks = leaksOf(splits);
  const shared = new Set([...leaks.labelled, ...leaks.unlabelled]);
  const kept = (ids: readonly string[]) => ids.filter((id) => !shared.has(id));
  if (leaked === 'training') return { ...splits, validation: kept(splits.validation) };
  return { ...splits, labelled: kept(splits.labelled), unlabelled: kept(splits.unlabelled) };
}

/**
 * The published split of AMOS22, ids `0001` to `0600`.
 * @param share - share of the training cases with a label; without a list for it there is a problem.
 * @param leaked - the published 20 % lists train on validation cases: which part loses them.
 */
export function amosSplit(share: number, leaked: Leaked, root: string): PlannedSplits {
  const labelled = AMOS_LABELLED[String(share)];
  if (labelled === undefined) {
    const message = `option "labelled" is ${share}; the split "dhc" has lists for ${Object.keys(AMOS_LABELLED).join(', ')}`;
    const problem = errorOf({ file: root, message, fix: 'take one of them, or split: "drawn"' });
    return { splits: { labelled: [], unlabelled: [], validation: [], test: [] }, problems: [problem] };
  }
  const parts = { train: AMOS_TRAIN, labelled, validation: AMOS_VALIDATION, test: AMOS_TEST };
  const splits = share === 0.2 ? { ...parts, unlabelled: AMOS_UNLABELLED_20 } : splitFromLists(parts);
  const { unlabelled, validation, test } = splits;
  const lists = { labelled, unlabelled, validation, test };
  return { splits: withoutLeaks(lists, leaked), problems: leakProblem(lists, leaked, root) };
}
