import type { BatchPart, ViewName, ViewNeed } from '@dinomix/core';
import { BATCH_PARTS, ONE_FEATURE, type StepParts, type TeacherPart, takes, type ViewInUse } from './parts.js';

/** Parts of a run that decide which views exist. */
export interface RunShape {
  readonly unlabelled: boolean;
  readonly mixers: boolean;
}

/** Who takes something of a view. */
export type Takers = Pick<StepParts, 'losses' | 'teachers' | 'selectors' | 'weighters'>;

const VIEW_NAMES: readonly ViewName[] = ['labelled', 'unlabelled', 'mixed-labelled', 'mixed-unlabelled'];

const anyTakes = ({ losses }: Pick<Takers, 'losses'>, view: ViewName, ...needs: readonly ViewNeed[]): boolean =>
  losses.some((loss) => needs.some((need) => takes(loss, view, need)));

function isMixed(view: ViewName): boolean {
  return view === 'mixed-labelled' || view === 'mixed-unlabelled';
}

/** Whether some loss takes what the teachers say about this clean view. */
function needsPseudoLabels(takers: Pick<Takers, 'losses'>, part: BatchPart): boolean {
  return anyTakes(takers, part, 'pseudo-labels', 'probabilities', 'maps');
}

/** Whether somebody looks at what the students say about a view when they have passed. */
function isHeard(takers: Takers, view: ViewName): boolean {
  const { teachers, selectors, weighters } = takers;
  const part = BATCH_PARTS.find((name) => name === view);
  return (
    (part !== undefined && weighters.some(({ slot }) => slot.host === undefined && slot.takes.includes(part))) ||
    (part !== undefined &&
      teachers.some((teacher) => teacher.slot.takes === 'outputs' && partsToAsk(teacher, takers).includes(part))) ||
    (selectors.some(({ slot }) => slot.takes === 'outputs') && takers.losses.some(({ slot }) => view in slot.takes))
  );
}

/** Names of the features that losses take of a view; null where a loss takes whichever it reads. */
function featuresOf(takers: Takers, view: ViewName): readonly string[] | null {
  if (anyTakes(takers, view, 'features') || takers.selectors.some(({ slot }) => slot.takes === 'outputs')) return null;
  const needs = takers.losses.flatMap(({ slot }) => slot.takes[view] ?? []);
  const named = needs.filter((need) => need.startsWith(ONE_FEATURE)).map((need) => need.slice(ONE_FEATURE.length));
  return [...new Set(named)];
}

/**
 * Views that somebody asks for and the run can have. Those of which only features are taken come last, so that a network may
 * stop early for them.
 */
export function viewsInUse(takers: Takers, { unlabelled, mixers }: RunShape): readonly ViewInUse[] {
  const possible: Readonly<Record<ViewName, boolean>> = {
    labelled: true,
    unlabelled,
    'mixed-labelled': mixers,
    'mixed-unlabelled': mixers && unlabelled,
  };
  const views = VIEW_NAMES.filter(
    (name) => possible[name] && (takers.losses.some(({ slot }) => name in slot.takes) || isHeard(takers, name)),
  ).map((name) => ({
    name,
    logits: anyTakes(takers, name, 'logits', 'heads') || isHeard(takers, name),
    features: featuresOf(takers, name),
  }));
  return [...views.filter(({ logits }) => logits), ...views.filter(({ logits }) => !logits)];
}

/** Whether somebody takes the teachers' probabilities on this clean view, and not their classes alone. */
export function needsProbabilities(
  { losses, selectors }: Pick<Takers, 'losses' | 'selectors'>,
  part: BatchPart,
): boolean {
  return (
    anyTakes({ losses }, part, 'probabilities') || selectors.some(({ slot }) => slot.needs?.probabilities === true)
  );
}

/** Whether some loss takes tokens on mixed views. */
export function needsMixedTokens({ losses, views }: Pick<StepParts, 'losses' | 'views'>): boolean {
  return views.some(({ name }) => isMixed(name) && anyTakes({ losses }, name, 'tokens'));
}

/** Parts about which a teacher is asked: those that it looks at and whose answer somebody takes. */
export function partsToAsk(
  { slot }: TeacherPart,
  takers: Pick<Takers, 'losses'> & Partial<Pick<StepParts, 'views'>>,
): readonly BatchPart[] {
  const { losses, views } = takers;
  const mixedTokens = views !== undefined && needsMixedTokens({ losses, views });
  const gives = slot.produces.probabilities || (slot.produces.maps?.length ?? 0) > 0;
  return slot.looksAt.filter(
    (part) =>
      (gives && (part === 'unlabelled' || needsPseudoLabels(takers, part))) ||
      (slot.produces.tokens && (mixedTokens || anyTakes(takers, part, 'tokens'))),
  );
}
